/**
 * Every text of the demo and of the sandbox's phone, in German.
 *
 * @import { Texts, TimelineEntry } from './en.js'
 */

/** @type {Record<string, string>} */
const titles = {
  'verification.created': 'Eingereicht',
  'attempt.retry': 'Nicht angenommen; bald wieder',
  'attempt.unknown': 'Gesendet oder nicht? Die Antwort ging verloren',
  'check.wrong': 'Ein falscher Code',
  'check.approved': 'Der richtige Code',
  'check.inconclusive': 'Eine Prüfung ohne Antwort',
  'check.unavailable': 'Der Code konnte nicht geprüft werden',
  'check.no_live_code': 'Kein Code mehr zu prüfen',
  'verification.approved': 'Bestätigt',
  'verification.expired': 'Abgelaufen',
  'verification.failed': 'Gescheitert',
  'verification.canceled': 'Abgebrochen',
  'verification.blocked': 'Gesperrt',
  'number.dropped': 'Nummer vergessen',
  'callback.delivered': 'Rückmeldung zugestellt',
  'callback.failed': 'Rückmeldung nicht zugestellt',
  'callback.exhausted': 'Rückmeldung aufgegeben',
  'callback.refused': 'Rückmeldung verweigert',
  'callback.gone': 'Empfänger gibt es nicht mehr',
};

/** @type {Record<string, string>} */
const triggers = {
  initial: 'der erste Schritt',
  timeout: 'der Code des Schritts davor wurde nicht rechtzeitig eingegeben',
  failure: 'der Schritt davor konnte nicht gesendet werden',
  unknown: 'ob der davor hinausging, ist unbekannt',
  request: 'so gewünscht',
};

/** @param {number | undefined} ms */
function span(ms = 0) {
  return ms < 1000
    ? `${Math.round(ms)}\u00a0ms`
    : `${(ms / 1000).toLocaleString('de', { maximumFractionDigits: 1 })}\u00a0s`;
}

/** @type {Texts} */
export const texts = {
  locale: 'de-DE',
  language: 'Deutsch',
  languages: 'Sprache',
  skip: 'Zum Formular springen',

  demo: {
    title: 'Ringback-Demo',
    description: 'Eine Telefonnummer mit einem Code per SMS oder Anruf bestätigen und zusehen, wie es geht.',
    badge: 'Demo',
    sandboxNote: 'Nichts wird wirklich gesendet.',
    intro: 'Nummer eingeben, den Code vom Telefon ablesen und zusehen, was Ringback tut. Dann etwas kaputt machen.',
    introReal: 'Die eigene Nummer eingeben und zusehen, was Ringback tut, bis der Code auf dem Telefon ist.',
    noScript: 'Diese Demo läuft im Browser und braucht JavaScript. Bitte einschalten und die Seite neu laden.',
    app: 'Ihre Seite',
    phone: 'Das Telefon',
    openPhone: 'Die Telefone auf eigener Seite öffnen',
    newTab: '(öffnet einen neuen Tab)',

    stepNumber: 'Schritt 1 von 2',
    numberTitle: 'Nummer bestätigen',
    numberLead: 'Wir senden einen Code, um zu bestätigen, dass das Telefon Ihnen gehört.',
    country: 'Land',
    number: 'Telefonnummer',
    numberHint: 'Oder mit + und einer anderen Landesvorwahl.',
    channel: 'Wie soll der Code kommen?',
    text: 'SMS',
    voice: 'Anruf',
    send: 'Code senden',
    numberMissing: 'Bitte die Telefonnummer eingeben.',

    stepCode: 'Schritt 2 von 2',
    codeTitle: 'Code eingeben',
    shownNumber: (number) => `Für ${number}.`,
    changeNumber: 'Nummer ändern',
    code: 'Code',
    verify: 'Bestätigen',
    codeMissing: 'Bitte den Code eingeben, der gesendet wurde.',
    codeForm: 'Ein Code besteht nur aus Ziffern, etwa 123456.',
    codeWrong: (left) => `Dieser Code stimmt nicht. ${left}.`,
    checksLeft: (n) => (n === 1 ? 'Noch 1 Versuch' : `Noch ${n} Versuche`),
    sendAgain: 'Noch einmal senden',
    callAgain: 'Noch einmal anrufen',
    callInstead: 'Lieber anrufen',
    inSeconds: (seconds) => `in ${seconds} s`,
    tryAgainIn: (seconds) =>
      seconds <= 120
        ? `In ${seconds} s noch einmal versuchen.`
        : `In ${Math.ceil(seconds / 60)} min noch einmal versuchen.`,
    unreachable: 'Der Dienst ist nicht erreichbar. Bitte die Verbindung prüfen und noch einmal versuchen.',
    noAnswer: 'Der Dienst antwortet nicht. Neuer Versuch…',

    endTitle: 'Das Ergebnis',
    verified: 'Bestätigt!',
    verifiedText: (number) => `${number} ist bestätigt.`,
    notVerified: 'Nicht bestätigt',
    notVerifiedText: 'Diese Bestätigung ist abgeschlossen.',
    restart: 'Von vorn beginnen',
    endings: {
      delivery_failed: ['Der Code konnte nicht gesendet werden', 'Weder SMS noch Anruf kam bei dieser Nummer durch.'],
      too_many_checks: ['Zu viele falsche Codes', 'Zur Sicherheit ist hier Schluss. Sie können von vorn beginnen.'],
      provider_misconfigured: [
        'Der Code konnte nicht gesendet werden',
        'Dieser Dienst ist nicht richtig eingerichtet. Bitte sagen Sie es dem Betreiber.',
      ],
      expired: ['Der Code ist abgelaufen', 'Er wurde nicht rechtzeitig eingegeben. Sie können von vorn beginnen.'],
      canceled: ['Abgebrochen', 'Sie können jederzeit von vorn beginnen.'],
      replaced: ['Anderswo fortgesetzt', 'Eine neuere Bestätigung dieser Nummer hat übernommen.'],
      country_not_allowed: ['Diese Nummer geht nicht', 'In dieses Land werden keine Codes gesendet.'],
      number_type_not_allowed: ['Diese Nummer geht nicht', 'An Nummern dieser Art werden keine Codes gesendet.'],
      number_blocked: ['Diese Nummer geht nicht', 'An sie werden keine Codes gesendet.'],
      suspected_fraud: ['Diese Nummer geht nicht', 'An sie werden zurzeit keine Codes gesendet.'],
    },
    problems: {
      'malformed-json': 'Etwas ging schief. Bitte die Seite neu laden und noch einmal versuchen.',
      'invalid-request': 'Diese Eingabe stimmt so nicht. Bitte die Nummer prüfen.',
      forbidden: 'Das darf diese Seite nicht. Bitte neu laden und noch einmal versuchen.',
      'not-found': 'Diese Bestätigung ist nicht mehr bekannt. Bitte von vorn beginnen.',
      'no-code-sent': 'Es wurde noch kein Code gesendet. Bitte warten, bis er kommt.',
      'no-live-code': 'Die gesendeten Codes gelten nicht mehr. Bitte einen neuen anfordern.',
      'attempt-in-progress': 'Gerade wird ein Code gesendet.',
      'no-step-left': 'Es gibt keinen anderen Weg, den Code zu senden.',
      'send-limit': 'Diesmal können keine weiteren Codes gesendet werden.',
      'too-little-time': 'Für einen weiteren Code ist zu wenig Zeit. Bitte von vorn beginnen.',
      'verification-closed': 'Diese Bestätigung ist abgeschlossen.',
      'rate-limited': 'Für den Augenblick ist das genug.',
      'checks-in-flight': 'Frühere Codes werden noch geprüft.',
      cooldown: 'Eben erst ging ein Code hinaus.',
      'internal-error': 'Bei uns ging etwas schief. Bitte noch einmal versuchen.',
      unavailable: 'Der Dienst ist gerade nicht verfügbar.',
      'provider-unavailable': 'Der Code konnte gerade nicht geprüft werden. Das zählt nicht.',
      'check-inconclusive':
        'Die Antwort ging verloren, und dieser Versuch zählt. Noch einmal versuchen oder einen neuen Code anfordern.',
    },
  },

  progress: {
    queued: 'Ihr Code ist eingereiht.',
    sms: {
      queued: 'Ihre SMS ist eingereiht.',
      again: 'Die SMS ging noch nicht hinaus. Neuer Versuch…',
      sending: 'Ihre SMS wird gesendet…',
      sent: 'SMS gesendet.',
      failed: 'Die SMS ging nicht hinaus.',
      couldNot: 'Die SMS konnte nicht gesendet werden.',
      mayNot: 'Die SMS ging vielleicht nicht hinaus.',
      follows: (time) => `Ohne Code folgt um ${time} eine SMS.`,
    },
    call: {
      queued: 'Ihr Anruf ist eingereiht.',
      again: 'Der Anruf ging noch nicht hinaus. Neuer Versuch…',
      sending: 'Ein Anruf ist unterwegs…',
      sent: 'Wir rufen Sie an. Bitte abheben und den Code anhören.',
      failed: 'Der Anruf kam nicht zustande.',
      couldNot: 'Der Anruf konnte nicht gemacht werden.',
      mayNot: 'Der Anruf kam vielleicht nicht zustande.',
      follows: (time) => `Ohne Code folgt um ${time} ein Anruf.`,
    },
    timeout: 'Noch wurde kein Code eingegeben; der bisherige gilt weiter.',
    olderWorks: 'Der Code von vorhin gilt weiter.',
  },

  trouble: {
    title: 'Ärger machen',
    lead: 'Etwas abschalten, dann einen Code senden.',
    text_lost: 'Die SMS kommt nie an',
    text_lostHint: 'SignalWire nimmt sie, niemand bekommt sie. Nach 20 s übernimmt der Anruf.',
    provider_down: 'SignalWire ist ausgefallen',
    provider_downHint: 'Die nächsten vier Versuche enden mit 503. Die Abstände wachsen.',
    triesLeft: (n) => (n === 1 ? 'noch 1 Versuch' : `noch ${n} Versuche`),
    receiver_down: 'Der Empfänger ist weg',
    receiver_downHint: 'Ihr Server antwortet auf Rückmeldungen mit 503. Sie kommen später an.',
    kill: 'Den Worker töten',
    killHint: 'kill -9, jederzeit. Nichts geht verloren, nichts wird doppelt gesendet.',
    killed: 'Tot; er wird neu gestartet…',
    failed: 'Das ging nicht. Läuft die Sandbox noch?',
    specials: 'Nummern mit eigenem Schicksal',
    refused: 'die SMS wird abgelehnt',
    nothing: 'nichts kommt durch',
    atFirst: 'erst ausgefallen',
  },

  timeline: {
    title: 'Was Ringback tut',
    empty: 'Noch nichts. Sobald ein Code gesendet wird, steht hier, was geschieht.',
    lost: 'Die Erzählung ist unterbrochen. Neuer Versuch…',
    again: 'Eine neue Bestätigung',
    killed: 'Sie haben den Worker getötet',
    killedText: 'Was er tat, steht geschrieben; nichts, was gesendet sein könnte, wird blind noch einmal gesendet.',
    back: 'Der Worker ist wieder da',
    backText: 'Er liest nach und macht weiter.',
    /** @param {TimelineEntry} entry */
    headline({ type, text, data }) {
      const what = data['channel'] === 'call' ? 'Anruf' : 'SMS';
      switch (type) {
        case 'attempt.started':
          return data['trigger'] === 'initial' || data['trigger'] === 'request'
            ? `${what} beginnt`
            : `${what} übernimmt`;
        case 'attempt.sent':
          return `${what} angenommen`;
        case 'attempt.failed':
          return `${what} gescheitert`;
        case 'attempt.skipped':
          return `${what} übersprungen`;
        default:
          return titles[type] ?? text;
      }
    },
    /** @param {TimelineEntry} entry */
    sentence({ type, text, data }) {
      const why = data['detail'] === undefined ? '' : ` (${data['detail']})`;
      const again = `; noch einmal in ${span(data['retry_in_ms'])}`;
      switch (type) {
        case 'verification.created':
          return 'Gespeichert, mit allem, was nötig ist, um weiterzumachen.';
        case 'attempt.started':
          return `Schritt ${data['step'] + 1}: ${triggers[data['trigger']] ?? data['trigger']}.`;
        case 'attempt.retry':
          return `Versuch ${data['tries']} ging nicht hinaus${why}${again}.`;
        case 'attempt.sent':
          return data['took_ms'] === undefined
            ? 'SignalWire hat doch angenommen.'
            : `SignalWire hat nach ${span(data['took_ms'])} angenommen, beim Versuch ${data['tries']}.`;
        case 'attempt.failed':
          return `Nach ${data['tries']} Versuchen aufgegeben${why}.`;
        case 'attempt.unknown':
          return `Vielleicht ging sie hinaus, vielleicht nicht${why}.`;
        case 'check.wrong':
        case 'check.approved':
        case 'check.inconclusive':
          return `Prüfung ${data['checks_used']}.`;
        case 'verification.approved':
          return 'Die Nummer ist bestätigt.';
        case 'callback.delivered':
          return `${data['event']} an ${data['host']} in ${span(data['took_ms'])}, Zustellung ${data['delivery']}.`;
        case 'callback.failed':
          return `${data['event']} an ${data['host']}, Zustellung ${data['delivery']}${why}${again}.`;
        default:
          return text;
      }
    },
  },

  workings: {
    title: 'Hinter den Kulissen',
    jobs: 'Aufträge',
    callbacks: 'Rückmeldungen',
    noJobs: 'Noch keine Aufträge.',
    noCallbacks: 'Noch keine Rückmeldungen.',
    queue: 'Schlange',
    state: 'Stand',
    runs: 'Läufe',
    event: 'Ereignis',
    deliveries: 'Zustellungen',
    queues: { verifications: 'verifications', sms: 'sms', call: 'call', callbacks: 'callbacks' },
    states: {
      waiting: 'wartet',
      prioritized: 'wartet',
      active: 'läuft',
      delayed: 'schläft',
      completed: 'fertig',
      failed: 'aufgegeben',
      unknown: 'keiner',
      pending: 'unterwegs',
      delivered: 'zugestellt',
      exhausted: 'aufgegeben',
      refused: 'verweigert',
      gone: 'weg',
    },
    next: (seconds) => `nächste in ${seconds} s`,
    answered: (status) => (status === null ? 'keine Antwort' : `Antwort ${status}`),
  },

  phone: {
    name: (number) => `Telefon ${number}`,
    waiting: 'Keine Nachrichten',
    waitingHint: 'SMS und Anrufe kommen hier an.',
    text: 'SMS',
    call: 'Anruf',
    from: (sender) => `von ${sender}`,
    ownNumber: 'SignalWire',
    incoming: 'Eingehender Anruf',
    answer: 'Abheben',
    decline: 'Ablehnen',
    hangUp: 'Auflegen',
    onTheLine: 'Am Apparat',
    listen: 'Der Code wird vorgelesen',
    answered: 'Angenommener Anruf',
    missed: 'Verpasster Anruf',
    voicemail: 'Mailbox',
    play: 'Abspielen',
    copy: 'Kopieren',
    copyCode: (code) => `Den Code ${code} kopieren`,
    copied: 'Der Code ist kopiert.',
    notCopied: 'Der Browser hat das Kopieren nicht erlaubt.',
    sound: 'Ton',
    newText: (number, text) => `SMS an ${number}: ${text}`,
    ringing: (number) => `${number} klingelt`,
    said: (text) => `Der Anrufer sagt: ${text}`,
    voicemailFor: (number) => `Verpasster Anruf auf ${number}. Es gibt eine Nachricht auf der Mailbox.`,
  },

  phones: {
    title: 'Die Telefone',
    lead: 'SMS und Anrufe, die die Sandbox an SignalWires Stelle nahm, kommen hier an. Nichts wird wirklich gesendet.',
    connecting: 'Verbindung wird aufgebaut…',
    connected: 'Verbunden: Sie erscheinen von selbst.',
    lost: 'Die Sandbox antwortet nicht; neuer Versuch…',
    number: 'Telefonnummer',
    add: 'Dieses Telefon zeigen',
    showAll: 'Alle zeigen',
    empty: 'Alles löschen',
    nothing: 'Noch ist nichts angekommen.',
    nothingHint: 'Ein Code an irgendeine Nummer, und ihr Telefon erscheint hier. Oder jetzt schon eines hinlegen.',
    only: 'Nur dieses',
    noScript: 'Diese Seite braucht JavaScript. Dieselben Nachrichten stehen unter',
    specials: 'Nummern mit festem Verhalten',
    specialsLead: 'Sie verhalten sich unter jeder Vorwahl gleich. Jede andere Nummer funktioniert einfach.',
    what: 'Was geschieht',
  },

  console: {
    title: 'Konsole',
    storyTitle: 'Eine Bestätigung',
    badge: 'Konsole',
    skip: 'Zu den Zahlen springen',
    pages: 'Seiten',
    overview: 'Übersicht',
    queuesLink: 'Schlangen',
    signOut: 'Abmelden',
    signedIn: 'Angemeldet als',
    viewer: 'nur zum Ansehen',
    noScript: 'Die Konsole braucht JavaScript. Die Schlangen sind auch ohne zu sehen.',
    search: 'Eine Bestätigung finden',
    searchHint: 'Nach Kennung, Ihrer Referenz, Kennung einer Rückmeldung oder ganzer Nummer, etwa +14045550123.',
    find: 'Suchen',
    found: 'Gefunden',
    foundNothing: 'Nichts hat diese Kennung, Referenz oder Nummer.',
    range: 'Zeitraum',
    ranges: { today: 'Heute', day: '24 Stunden', week: '7 Tage' },
    updated: (time) => `Stand ${time}`,
    lost: 'Der Dienst antwortet nicht. Neuer Versuch…',
    signedOut: 'Sie sind abgemeldet.',
    signIn: 'Wieder anmelden',
    troubles: 'Was Sie braucht',
    since: (time) => `seit ${time}`,
    troubleCodes: {
      misconfigured: 'SignalWire lehnt die Einrichtung ab',
      account: 'SignalWire lehnt das Konto ab',
      circuit_open: 'SignalWire antwortet nicht; Versuche warten',
      encryption_key: 'Nummern lassen sich nicht entschlüsseln',
    },

    created: 'Bestätigungen',
    approved: 'Bestätigt',
    approvedOf: (approved, ended) => `${approved} von ${ended} beendeten`,
    takeovers: 'Anruf übernahm',
    takeoversOf: (share) => `${share} von allen`,
    toSend: 'SMS angenommen nach',
    toApprove: 'Bestätigt nach',
    median: 'im Median',
    p95: (span) => `95 % binnen ${span}`,
    nothingYet: 'noch nichts',

    hourly: 'Stunde für Stunde',
    hourlyTable: 'Als Tabelle',
    hour: 'Stunde',
    channels: 'Nach Kanal',
    channel: 'Kanal',
    channelNames: { sms: 'SMS', call: 'Anruf' },
    accepted: 'Angenommen',
    conversion: 'Erfolg',
    conversionHint: 'Von denen, die bestätigt, abgelaufen oder gescheitert sind, nach dem Kanal des neuesten Codes.',
    waitedHead: 'Gewartet',
    sendHead: 'Angenommen nach',
    medianAndMost: 'Median · 95 %',
    countries: 'Nach Land',
    country: 'Land',
    unknownCountry: 'unbekannt',
    why: 'Warum Anrufe übernahmen',
    triggers: {
      timeout: 'Der Code kam nicht rechtzeitig',
      failure: 'Die SMS ließ sich nicht senden',
      unknown: 'Ob die SMS hinausging, weiß niemand',
      request: 'Der Client bat darum',
    },
    endings: 'Wie sie endeten',
    statuses: {
      queued: 'eingereiht',
      pending: 'Code ist draußen',
      approved: 'bestätigt',
      expired: 'abgelaufen',
      failed: 'gescheitert',
      canceled: 'abgebrochen',
      blocked: 'gesperrt',
    },
    queues: 'Schlangen',
    queue: 'Schlange',
    waiting: 'Wartend',
    running: 'Laufend',
    asleep: 'Schlafend',
    lag: 'Rückstand',
    onTime: 'pünktlich',
    paused: 'angehalten',
    rates: 'Rate und Schutzschalter',
    rate: 'Letzte Minute',
    ofRate: (tries, most) => `${tries} von ${most}`,
    noLimit: (tries) => `${tries}, ohne Grenze`,
    circuit: 'Schutzschalter',
    circuits: { open: 'offen', closed: 'geschlossen' },
    pausedFor: (span) => `ruht noch ${span}`,
    answers: 'Was SignalWire antwortete',
    answer: 'Antwort',
    code: 'Code oder Status',
    outcomes: {
      sent: 'angenommen',
      not_sent: 'nicht gesendet',
      rate_limited: 'Ratengrenze',
      unknown: 'Antwort verloren',
      refused: 'abgelehnt',
      misconfigured: 'Einrichtung abgelehnt',
    },
    count: 'Mal',
    targets: 'Rückmeldungen',
    target: 'Ziel',
    owner: 'Schlüsselname',
    deliveries: 'Zustellungen',
    failed: 'Gescheitert',
    states: { disabled: 'abgeschaltet', deleted: 'gelöscht' },
    audit: 'Protokoll',
    when: 'Wann',
    who: 'Wer',
    did: 'Tat was',
    to: 'Woran',
    none: 'Nichts in diesem Zeitraum.',

    blocks: 'Gesperrte Vorwahlen',
    noBlocks: 'Keine Vorwahl ist gesperrt.',
    prefix: 'Vorwahl',
    prefixHint: 'Die ersten Ziffern der Nummern: +44 sperrt ein ganzes Land.',
    until: 'Bis',
    howLong: 'Für',
    lengths: { hour: '1 Stunde', day: '1 Tag', week: '7 Tage', month: '30 Tage' },
    reason: 'Warum',
    block: 'Sperren',
    free: 'Freigeben',
    freeOf: (prefix) => `Freigeben: ${prefix}`,
    freed: (prefix) => `${prefix} ist wieder frei.`,
    nowBlocked: (prefix) => `${prefix} ist gesperrt.`,

    loading: 'Wird geladen…',
    notFound: 'Diese Bestätigung gibt es nicht, oder sie ist vergessen.',
    back: 'Zurück zur Übersicht',
    number: 'Nummer',
    status: 'Stand',
    reference: 'Referenz',
    submitted: 'Eingereicht',
    expires: 'Läuft ab',
    closed: 'Beendet',
    checks: 'Prüfungen',
    story: 'Ihre Geschichte',
    callbacks: 'Ihre Rückmeldungen',
    noCallbacks: 'Sie schuldet keine Rückmeldungen.',
    event: 'Ereignis',
    last: 'Letzte Antwort',
    notYet: 'noch nicht',
    replay: 'Noch einmal zustellen',
    replayOf: (event) => `Noch einmal zustellen: ${event}`,
    replayed: 'Sie wird noch einmal zugestellt.',
    failedAction: 'Das ging nicht. Versuchen Sie es noch einmal.',
  },
};

/**
 * Every text of the demo and of the sandbox's phone, in English. Another language is a file like this one: its type is
 * this file's, so a text that is missing does not compile.
 *
 * @import { CloseReason } from '../../verification.ts'
 * @typedef {{ type: string, text: string, data: Record<string, any> }} TimelineEntry
 */

/** @type {Record<import('zod').infer<typeof CloseReason>, [title: string, text: string]>} */
const endings = {
  delivery_failed: ['The code could not be sent', 'Neither a text nor a call got through to this number.'],
  too_many_checks: ['Too many wrong codes', 'For safety, this verification is closed. You can start a new one.'],
  provider_misconfigured: [
    'The code could not be sent',
    'This service is not set up correctly. Please tell its operator.',
  ],
  expired: ['The code has expired', 'It was not entered in time. You can start a new verification.'],
  canceled: ['Verification canceled', 'You can start a new one at any time.'],
  replaced: ['Continued elsewhere', 'A newer verification for this number has taken over.'],
  country_not_allowed: ['This number cannot be used', 'No codes are sent to this country.'],
  number_type_not_allowed: ['This number cannot be used', 'No codes are sent to this kind of number.'],
  number_blocked: ['This number cannot be used', 'No codes are sent to it.'],
  suspected_fraud: ['This number cannot be used', 'No codes are sent to it at the moment.'],
};

/**
 * What each problem means to the person, by its code; the others are told by their title.
 *
 * @type {Record<string, string>}
 */
const problems = {
  'malformed-json': 'Something went wrong. Reload the page and try again.',
  forbidden: 'This page may not do that. Reload it and try again.',
  'not-found': 'This verification is no longer known. Please start again.',
  'no-code-sent': 'No code has been sent yet. Wait for it to arrive.',
  'no-live-code': 'The codes you were sent can no longer be used. Ask for a new one.',
  'attempt-in-progress': 'A code is being sent right now.',
  'no-step-left': 'There is no other way to send the code.',
  'send-limit': 'No more codes can be sent this time.',
  'too-little-time': 'Too little time is left for another code. Please start again.',
  'verification-closed': 'This verification is closed.',
  'rate-limited': 'That is enough for the moment.',
  'checks-in-flight': 'Earlier codes are still being checked.',
  cooldown: 'A code went out a moment ago.',
  'internal-error': 'Something went wrong on our side. Please try again.',
  unavailable: 'The service is not available right now.',
  'provider-unavailable': 'The code could not be checked right now. It did not count.',
  'check-inconclusive': 'The answer got lost, and this check counted. Try again, or ask for a new code.',
};

/** @type {Record<string, string>} */
const titles = {
  'verification.created': 'Submitted',
  'attempt.retry': 'Not taken; tried again soon',
  'attempt.unknown': 'Sent or not? The answer is lost',
  'check.wrong': 'A wrong code',
  'check.approved': 'The right code',
  'check.inconclusive': 'A check without an answer',
  'check.unavailable': 'The code could not be checked',
  'check.no_live_code': 'No code left to check',
  'verification.approved': 'Verified',
  'verification.expired': 'Expired',
  'verification.failed': 'Failed',
  'verification.canceled': 'Canceled',
  'verification.blocked': 'Blocked',
  'number.dropped': 'Number forgotten',
  'callback.delivered': 'Callback delivered',
  'callback.failed': 'Callback not delivered',
  'callback.exhausted': 'Callback given up',
  'callback.refused': 'Callback refused',
  'callback.gone': 'Receiver gone',
};

export const texts = {
  /** For times and numbers, as a BCP 47 tag. */
  locale: 'en-US',
  language: 'English',
  languages: 'Language',
  skip: 'Skip to the form',

  demo: {
    title: 'Ringback demo',
    description: 'Verify a phone number with a code by text or by call, and watch how it is done.',
    badge: 'Demo',
    sandboxNote: 'Nothing is really sent.',
    intro: 'Enter a number, take the code off the phone, and watch what Ringback does. Then break something.',
    introReal: 'Enter your number, and watch what Ringback does until the code is on your phone.',
    noScript: 'This demo runs in your browser and needs JavaScript. Please turn it on and reload the page.',
    app: 'Your page',
    phone: 'The phone',
    openPhone: 'Open the phones on their own page',
    newTab: '(opens in a new tab)',

    stepNumber: 'Step 1 of 2',
    numberTitle: 'Verify your number',
    numberLead: 'We send you a code to confirm that the phone is yours.',
    country: 'Country',
    number: 'Phone number',
    numberHint: 'Or with + and another country code.',
    channel: 'How should the code reach you?',
    text: 'Text',
    voice: 'Voice',
    send: 'Send the code',
    numberMissing: 'Enter your phone number.',

    stepCode: 'Step 2 of 2',
    codeTitle: 'Enter your code',
    shownNumber: (/** @type {string} */ number) => `For ${number}.`,
    changeNumber: 'Change number',
    code: 'Code',
    verify: 'Verify',
    codeMissing: 'Enter the code you were sent.',
    codeForm: 'A code has digits only, such as 123456.',
    codeWrong: (/** @type {string} */ left) => `That code is not right. ${left}.`,
    checksLeft: (/** @type {number} */ n) => (n === 1 ? '1 check left' : `${n} checks left`),
    sendAgain: 'Send it again',
    callAgain: 'Call me again',
    callInstead: 'Call me instead',
    inSeconds: (/** @type {number} */ seconds) => `in ${seconds} s`,
    tryAgainIn: (/** @type {number} */ seconds) =>
      seconds <= 120 ? `Try again in ${seconds} s.` : `Try again in ${Math.ceil(seconds / 60)} min.`,
    unreachable: 'The service cannot be reached. Check your connection and try again.',
    noAnswer: 'The service does not answer. Trying again…',

    endTitle: 'The result',
    verified: 'Verified!',
    verifiedText: (/** @type {string} */ number) => `${number} is confirmed.`,
    notVerified: 'Not verified',
    notVerifiedText: 'This verification is closed.',
    restart: 'Start again',
    endings,
    problems,
  },

  progress: {
    queued: 'Your code is queued.',
    sms: {
      queued: 'Your text is queued.',
      again: 'The text did not go out yet. Trying again…',
      sending: 'Your text is being sent…',
      sent: 'Text sent.',
      failed: 'The text did not go out.',
      couldNot: 'The text could not be sent.',
      mayNot: 'The text may not have gone out.',
      follows: (/** @type {string} */ time) => `If no code is entered, a text follows at ${time}.`,
    },
    call: {
      queued: 'Your call is queued.',
      again: 'The call did not go out yet. Trying again…',
      sending: 'A call is on its way…',
      sent: 'We are calling you. Pick up and listen for the code.',
      failed: 'The call did not go out.',
      couldNot: 'The call could not be made.',
      mayNot: 'The call may not have gone out.',
      follows: (/** @type {string} */ time) => `If no code is entered, a call follows at ${time}.`,
    },
    timeout: 'No code was entered yet; the one you have still works.',
    olderWorks: 'The code from before still works.',
  },

  trouble: {
    title: 'Make trouble',
    lead: 'Switch something off, then send a code.',
    text_lost: 'The text never arrives',
    text_lostHint: 'SignalWire takes it, nobody gets it. After 20 s the call takes over.',
    provider_down: 'SignalWire is down',
    provider_downHint: 'The next four tries get a 503. Watch the waits grow.',
    triesLeft: (/** @type {number} */ n) => (n === 1 ? '1 try to go' : `${n} tries to go`),
    receiver_down: 'The receiver is down',
    receiver_downHint: 'Your server answers callbacks with 503. They are delivered later.',
    kill: 'Kill the worker',
    killHint: 'kill -9, at any moment. Nothing is lost, nothing is sent twice.',
    killed: 'Down; it is started again…',
    failed: 'That did not work. Is the sandbox still running?',
    specials: 'Numbers with a fate of their own',
    refused: 'the text is refused',
    nothing: 'nothing gets through',
    atFirst: 'is down at first',
  },

  timeline: {
    title: 'What Ringback does',
    empty: 'Nothing yet. Send a code, and its story is told here as it happens.',
    lost: 'The story is interrupted. Trying again…',
    again: 'A new verification',
    killed: 'You killed the worker',
    killedText: 'What it was doing is on record; nothing that may have been sent is sent blindly again.',
    back: 'The worker is back',
    backText: 'It reads the record and carries on.',
    /** @param {TimelineEntry} entry */
    headline({ type, text, data }) {
      const what = data['channel'] === 'call' ? 'Call' : 'Text';
      switch (type) {
        case 'attempt.started':
          return data['trigger'] === 'initial' || data['trigger'] === 'request'
            ? `${what} starts`
            : `${what} takes over`;
        case 'attempt.sent':
          return `${what} accepted`;
        case 'attempt.failed':
          return `${what} failed`;
        case 'attempt.skipped':
          return `${what} skipped`;
        default:
          return titles[type] ?? text;
      }
    },
    /** The sentence of the API itself. @param {TimelineEntry} entry */
    sentence: ({ text }) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`,
  },

  workings: {
    title: 'Behind the scenes',
    jobs: 'Jobs',
    callbacks: 'Callbacks',
    noJobs: 'No jobs yet.',
    noCallbacks: 'No callbacks yet.',
    queue: 'Queue',
    state: 'State',
    runs: 'Runs',
    event: 'Event',
    deliveries: 'Deliveries',
    queues: /** @type {Record<string, string>} */ ({
      verifications: 'verifications',
      sms: 'sms',
      call: 'call',
      callbacks: 'callbacks',
    }),
    states: /** @type {Record<string, string>} */ ({
      waiting: 'waiting',
      prioritized: 'waiting',
      active: 'running',
      delayed: 'asleep',
      completed: 'done',
      failed: 'given up',
      unknown: 'none',
      pending: 'under way',
      delivered: 'delivered',
      exhausted: 'given up',
      refused: 'refused',
      gone: 'gone',
    }),
    next: (/** @type {number} */ seconds) => `next in ${seconds} s`,
    answered: (/** @type {number | null} */ status) => (status === null ? 'no answer' : `answered ${status}`),
  },

  phone: {
    name: (/** @type {string} */ number) => `Phone ${number}`,
    waiting: 'No messages',
    waitingHint: 'Texts and calls arrive here.',
    text: 'Text',
    call: 'Call',
    from: (/** @type {string} */ sender) => `from ${sender}`,
    ownNumber: 'SignalWire',
    incoming: 'Incoming call',
    answer: 'Answer',
    decline: 'Decline',
    hangUp: 'Hang up',
    onTheLine: 'On the line',
    listen: 'The code is read out',
    answered: 'Answered call',
    missed: 'Missed call',
    voicemail: 'Voicemail',
    play: 'Play',
    copy: 'Copy',
    copyCode: (/** @type {string} */ code) => `Copy the code ${code}`,
    copied: 'The code is copied.',
    notCopied: 'The browser did not allow copying.',
    sound: 'Sound',
    newText: (/** @type {string} */ number, /** @type {string} */ text) => `Text to ${number}: ${text}`,
    ringing: (/** @type {string} */ number) => `${number} is ringing`,
    said: (/** @type {string} */ text) => `The caller says: ${text}`,
    voicemailFor: (/** @type {string} */ number) => `Missed call on ${number}. There is a voicemail.`,
  },

  phones: {
    title: 'The phones',
    lead: 'Texts and calls that the sandbox took in SignalWire’s place arrive here. Nothing is really sent.',
    connecting: 'Connecting…',
    connected: 'Connected: they show up by themselves.',
    lost: 'The sandbox is not answering; trying again…',
    number: 'Phone number',
    add: 'Show this phone',
    showAll: 'Show all',
    empty: 'Empty the inbox',
    nothing: 'Nothing has arrived yet.',
    nothingHint: 'Send a code to any number, and its phone appears here. Or put one on the table now.',
    only: 'Only this one',
    noScript: 'This page needs JavaScript. The same messages are at',
    specials: 'Numbers with a set behaviour',
    specialsLead: 'They behave alike under every area code. Any other number just works.',
    what: 'What happens',
  },
};

/** @typedef {typeof texts} Texts */

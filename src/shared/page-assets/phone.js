import { icon, make, setText } from './dom.js';
import { ring, say } from './sound.js';
import { texts } from './texts.js';

const words = texts.phone;

/** How long a call rings before the voicemail takes it. */
const RING_MS = 20_000;
/** The beat at which a code is read out. */
const DIGIT_MS = 550;
/** How long the line stays open after the last digit. */
const GOODBYE_MS = 4_000;

const HANDSET =
  'M6.6 3.5 9.2 8 7.4 9.9a13 13 0 0 0 6.7 6.7l1.9-1.8 4.5 2.6-.6 2.7c-.2.9-1 1.4-1.8 1.4A16 16 0 0 1 2.5 5.9c0-.9.6-1.6 1.4-1.8z';
const TAPE = 'M6 15.5a3.5 3.5 0 1 1 0-7 3.5 3.5 0 0 1 0 7zm12 0a3.5 3.5 0 1 1 0-7 3.5 3.5 0 0 1 0 7zm-12 0h12';
const clock = new Intl.DateTimeFormat(texts.locale, { timeStyle: 'short' });
const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** A number as people read it; one that is not North American stays as it is. */
export function spaced(number) {
  return number.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '+1 $1 $2 $3');
}

/**
 * A phone: texts arrive as bubbles, calls ring until they are answered, declined or taken by the voicemail.
 *
 * @param {object} options
 * @param {string} options.number - E.164
 * @param {(text: string) => void} options.announce - for those who cannot see it
 * @param {Set<string>} options.settled - ids of the calls that no longer ring; the phone adds to it
 */
export function createPhone({ number, announce, settled }) {
  const thread = make('ol', { className: 'phone-thread', tabIndex: 0, ariaLabel: words.name(spaced(number)) });
  const empty = make(
    'div',
    { className: 'phone-empty' },
    icon('M4 5h16v11H9l-5 4z'),
    make('p', {}, words.waiting),
    make('p', { className: 'quiet' }, words.waitingHint),
  );
  const call = make('div', { className: 'phone-call', hidden: true });
  const time = make('span', { ariaHidden: 'true' }, clock.format(new Date()));
  const screen = make(
    'div',
    { className: 'phone-screen' },
    make('div', { className: 'phone-bar' }, time, make('span', { className: 'phone-island', ariaHidden: 'true' })),
    make('h3', { className: 'phone-number' }, spaced(number)),
    empty,
    thread,
    call,
  );
  const element = make('article', { className: 'phone' }, screen);
  element.dataset.number = number;
  const shown = new Set();
  /** Ends the call as if its time were over. */
  let endCall = () => {};
  /** Silences the call, and leaves nothing behind. */
  let hush = () => {};

  function add(item) {
    empty.hidden = true;
    thread.append(item);
    thread.scrollTop = thread.scrollHeight;
  }

  /** What was said, with the code standing out and a button to copy it. */
  function bubble({ text, code }, ...more) {
    const [before, after = ''] = text.split(code);
    const copy = make('button', { type: 'button', className: 'small', ariaLabel: words.copyCode(code) }, words.copy);
    copy.addEventListener('click', () => {
      navigator.clipboard.writeText(code).then(
        () => announce(words.copied),
        () => announce(words.notCopied),
      );
    });
    const said = make('p', { className: 'said' }, before, make('strong', { className: 'code' }, code), after);
    return make('div', { className: 'bubble' }, said, make('div', { className: 'bubble-tools' }, ...more, copy));
  }

  function meta(label, { from, at }) {
    const sender = from === null ? words.ownNumber : spaced(from);
    const stamp = make('time', { dateTime: at }, clock.format(new Date(at)));
    return make('p', { className: 'phone-meta' }, make('strong', {}, label), ` ${words.from(sender)} · `, stamp);
  }

  function showText(message) {
    add(make('li', { className: 'text' }, meta(words.text, message), bubble(message)));
  }

  function showAnswered(message) {
    add(make('li', { className: 'call' }, meta(words.answered, message), bubble(message)));
  }

  function showVoicemail(message) {
    const play = make('button', { type: 'button', className: 'small' }, icon('M8 5v14l11-7z'), words.play);
    const transcript = bubble(message);
    transcript.hidden = true;
    play.addEventListener('click', () => {
      transcript.hidden = false;
      say(message.text);
      announce(words.said(message.text));
      thread.scrollTop = thread.scrollHeight;
    });
    const head = make('div', { className: 'voicemail' }, icon(TAPE), make('span', {}, words.voicemail), play);
    add(make('li', { className: 'call missed' }, meta(words.missed, message), head, transcript));
  }

  /** Takes the call off the screen; whoever was at its buttons goes on at the messages. */
  function putDown() {
    const wasHere = call.contains(document.activeElement);
    call.hidden = true;
    call.replaceChildren();
    if (wasHere) requestAnimationFrame(() => thread.focus());
  }

  /** @param {number} ringMs - how long it still rings */
  function startCall(message, ringMs) {
    endCall();
    const silence = ring();
    const answer = make('button', { type: 'button', className: 'answer' }, icon(HANDSET), words.answer);
    const decline = make('button', { type: 'button', className: 'decline' }, icon(HANDSET), words.decline);
    const sender = message.from === null ? words.ownNumber : spaced(message.from);
    call.replaceChildren(
      make('p', { className: 'called' }, spaced(number)),
      make('p', { className: 'quiet' }, words.incoming),
      make('p', { className: 'caller' }, sender),
      make('div', { className: 'pulse', ariaHidden: 'true' }, icon(HANDSET)),
      make('div', { className: 'call-buttons' }, decline, answer),
    );
    call.hidden = false;
    element.classList.add('ringing');

    const stopRinging = () => {
      clearTimeout(timer);
      silence();
      element.classList.remove('ringing');
      settled.add(message.id);
      endCall = () => {};
    };
    hush = stopRinging;
    const miss = () => {
      stopRinging();
      putDown();
      showVoicemail(message);
      announce(words.voicemailFor(spaced(number)));
    };
    const timer = setTimeout(miss, ringMs);
    endCall = miss;
    decline.addEventListener('click', miss);
    answer.addEventListener('click', () => {
      stopRinging();
      talk(message);
    });
  }

  /** The code is read out, and each digit is shown as it is said. */
  function talk(message) {
    const digits = [...message.code].map((digit) => make('span', {}, digit));
    const hangUp = make('button', { type: 'button', className: 'decline' }, icon(HANDSET), words.hangUp);
    const [before] = message.text.split(message.code);
    call.replaceChildren(
      make('p', { className: 'called' }, spaced(number)),
      make('p', { className: 'quiet' }, words.onTheLine),
      make('p', { className: 'caller' }, before.trim()),
      make('p', { className: 'digits', ariaHidden: 'true' }, ...digits),
      make('p', { className: 'quiet' }, words.listen),
      make('div', { className: 'call-buttons' }, hangUp),
    );
    announce(words.said(`${before}${[...message.code].join(' ')}`));
    const silence = say(message.text);
    const beat = calm.matches ? 0 : DIGIT_MS;
    const timers = digits.map((digit, i) => setTimeout(() => digit.classList.add('said'), beat * (i + 1)));
    hush = () => {
      for (const timer of timers) clearTimeout(timer);
      silence();
      endCall = () => {};
    };
    const end = () => {
      hush();
      putDown();
      showAnswered(message);
    };
    timers.push(setTimeout(end, beat * digits.length + GOODBYE_MS));
    endCall = end;
    hangUp.addEventListener('click', end);
    hangUp.focus();
  }

  function show(message) {
    if (shown.has(message.id)) return false;
    shown.add(message.id);
    setText(time, clock.format(new Date(message.at)));
    if (message.channel === 'sms') {
      showText(message);
      return true;
    }
    const ringMs = Date.parse(message.at) + RING_MS - Date.now();
    if (settled.has(message.id) || ringMs <= 0) showVoicemail(message);
    else startCall(message, Math.min(ringMs, RING_MS));
    return true;
  }

  return {
    element,
    /** Shows what had arrived before, oldest first; what is there already stays. */
    fill(messages) {
      for (const message of messages) show(message);
    },
    /** Shows what arrives now, and says so. */
    arrive(message) {
      if (!show(message)) return;
      const name = spaced(number);
      announce(message.channel === 'sms' ? words.newText(name, message.text) : words.ringing(name));
    },
    /** Ends what rings or talks, for a phone that is taken away. */
    close: () => hush(),
  };
}

const STORAGE_KEY = 'ringback-settled-calls';
const KEPT = 200;

/** The calls that no longer ring, kept over a reload of this tab. */
export function rememberSettledCalls() {
  const settled = new Set(JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? '[]'));
  addEventListener('pagehide', () => {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify([...settled].slice(-KEPT)));
  });
  return settled;
}

import { followWorkings, showPhone, stopWorkingsLater } from './live.js';
import { setText } from './pages/dom.js';
import { texts } from './pages/texts.js';
import { followTimeline } from './timeline.js';
import { createWords } from './words.js';

const POLL_MS = 1_000;
const POLL_MS_AFTER_FAILURES = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** HTTP dates have whole seconds, so a smaller difference says nothing. */
const CLOCK_TOLERANCE_MS = 2_000;
const STORAGE_KEY = 'ringback-demo';

const find = (id) => document.getElementById(id);
const steps = { number: find('number-step'), code: find('code-step'), end: find('end-step') };
const { demo } = texts;
const { checksLeft, ending, progress, refusal } = createWords(texts);
const clockTime = new Intl.DateTimeFormat(texts.locale, { timeStyle: 'medium' });
/** How soon another code over the same channel may be asked for. */
const COOLDOWN_MS = Number(document.body.dataset.cooldown);
const againButtons = [find('again'), find('call-instead')];

/** The verification that the page follows: `{ channel, view }`. It is never in the address. */
let current;
/** Counts up whenever what is under way no longer matters, so that a late answer is known as one. */
let turn = 0;
let pollTimer;
let failedPolls = 0;
let clockAheadMs = 0;
/** Per channel, until when the service has refused another code; this clock. */
let coolUntil = {};
const busy = new Set();

const serverNow = () => Date.now() + clockAheadMs;
const isOpen = (view) => view.closed_at === null;

/** A refusal by the service, or none when it could not be reached. */
class RequestError extends Error {
  constructor(problem, retryAfterSeconds) {
    super(problem ? refusal(problem, retryAfterSeconds) : demo.unreachable);
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

async function request(method, path, body) {
  let response;
  let answer;
  try {
    response = await fetch(`api/${path}`, {
      method,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    answer = await response.json();
  } catch {
    throw new RequestError();
  }
  const ahead = Date.parse(response.headers.get('date') ?? '') - Date.now();
  clockAheadMs = Math.abs(ahead) > CLOCK_TOLERANCE_MS ? ahead : 0;
  if (response.ok) return answer;
  const retryAfter = response.headers.get('retry-after');
  const problem = typeof answer?.code === 'string' ? answer : undefined; // a proxy answers in its own way
  throw new RequestError(problem, retryAfter === null ? undefined : Number(retryAfter));
}

const verificationPath = () => `verifications/${encodeURIComponent(current.view.id)}`;

/** Runs one action at a time per button, which stays in place (and focused) meanwhile. */
async function whileBusy(button, action) {
  if (busy.has(button) || button.getAttribute('aria-disabled') === 'true') return;
  busy.add(button);
  button.setAttribute('aria-disabled', 'true');
  stopPolling();
  try {
    await action();
  } finally {
    busy.delete(button);
    button.setAttribute('aria-disabled', 'false');
    showClocks();
    schedulePoll();
  }
}

// What the page shows

function show(step) {
  for (const [name, section] of Object.entries(steps)) section.hidden = name !== step;
  const heading = steps[step].querySelector('h1');
  document.title = `${heading.textContent} · ${demo.title}`;
  if (step === 'code') waitForText();
  else stopWaitingForText();
}

function showError(name, text) {
  find(`${name}-error`).textContent = text;
  const field = find(name);
  field.setAttribute('aria-invalid', String(text !== ''));
  if (text !== '') field.focus();
}

/** Takes over a newer state of the verification and shows it. */
function take(view) {
  if (!current || current.view.id !== view.id) return;
  if (!isOpen(current.view) && isOpen(view)) return; // an older answer that came late
  const wasOpen = isOpen(current.view);
  current.view = view;
  if (isOpen(view)) showOpen();
  else if (wasOpen || steps.end.hidden) showEnd();
}

function showOpen() {
  const { view, channel } = current;
  setText(find('shown-number'), demo.shownNumber(view.to));
  setText(
    find('status'),
    progress(view, (time) => clockTime.format(new Date(time))),
  );
  setText(find('checks-left'), checksLeft(view.checks));
  const called = view.attempts.some((attempt) => attempt.channel === 'call' && attempt.status !== 'skipped');
  const [again, call] = againButtons;
  again.dataset.channel = channel;
  call.dataset.channel = 'call';
  setText(again.querySelector('.label'), channel === 'call' ? demo.callAgain : demo.sendAgain);
  setText(call.querySelector('.label'), called ? demo.callAgain : demo.callInstead);
  call.hidden = channel === 'call';
  showClocks();
}

/** What changes by itself every second; it stands outside of what is read aloud. */
function showClocks() {
  if (!current || !isOpen(current.view)) return;
  const next = current.view.next_attempt;
  const seconds = next && Math.max(0, Math.ceil((Date.parse(next.at) - serverNow()) / 1000));
  find('countdown').hidden = next === null;
  setText(find('countdown'), next ? demo.inSeconds(seconds) : '');
  for (const button of againButtons) {
    const { channel } = button.dataset;
    const until = Math.max(coolUntil[channel] ?? 0, cooledDownAt(channel));
    const wait = Math.ceil((until - Date.now()) / 1000);
    if (channel in coolUntil && wait <= 0) {
      delete coolUntil[channel];
      setText(find('again-error'), '');
    }
    setText(button.querySelector('.wait'), wait > 0 ? demo.inSeconds(wait) : '');
    if (!busy.has(button)) button.setAttribute('aria-disabled', String(wait > 0));
  }
}

/** When the last code over a channel is old enough for another one; this clock. */
function cooledDownAt(channel) {
  const last = current.view.attempts.findLast((attempt) => attempt.channel === channel && attempt.status !== 'skipped');
  return last ? Date.parse(last.started_at) + COOLDOWN_MS - clockAheadMs : 0;
}

function showEnd() {
  stopWorkingsLater();
  const { title, text } = ending(current.view);
  setText(find('end-title'), title);
  setText(find('end-text'), text);
  steps.end.toggleAttribute('data-approved', current.view.status === 'approved');
  show('end');
  find('end-title').focus();
}

function startOver({ message = '', focus = true } = {}) {
  stopPolling();
  current = undefined;
  coolUntil = {};
  sessionStorage.removeItem(STORAGE_KEY);
  find('code').value = '';
  showError('code', '');
  setText(find('again-error'), '');
  show('number');
  showError('number', message);
  if (focus) find('number').focus();
}

// Following the verification

function stopPolling() {
  turn += 1;
  clearTimeout(pollTimer);
}

function schedulePoll() {
  clearTimeout(pollTimer);
  if (!current || !isOpen(current.view) || document.hidden || busy.size > 0) return;
  pollTimer = setTimeout(poll, failedPolls > 1 ? POLL_MS_AFTER_FAILURES : POLL_MS);
}

async function poll() {
  const mine = ++turn;
  try {
    const view = await request('GET', verificationPath());
    if (mine !== turn) return;
    failedPolls = 0;
    take(view);
  } catch (error) {
    if (mine !== turn) return;
    if (error.problem?.code === 'not-found') return startOver({ message: error.message });
    failedPolls += 1;
    if (failedPolls > 1) setText(find('status'), demo.noAnswer);
  }
  schedulePoll();
}

function pollNow() {
  stopPolling();
  if (!document.hidden && current && isOpen(current.view) && busy.size === 0) void poll();
}

document.addEventListener('visibilitychange', pollNow);
window.addEventListener('online', pollNow);

// What the person does

find('number-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void whileBusy(find('send'), async () => {
    showError('number', '');
    const to = find('number').value.trim();
    if (to === '') return showError('number', demo.numberMissing);
    const country = find('country').value;
    const channel = document.querySelector('input[name="channel"]:checked').value;
    try {
      const view = await request('POST', 'verifications', { to, ...(country && { country }), channel });
      current = { channel, view };
      sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ channel, id: view.id }));
      follow(view);
      if (!isOpen(view)) return showEnd();
      show('code');
      showOpen();
      find('code').focus();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      showError('number', error.message);
    }
  });
});

find('code-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void whileBusy(find('verify'), async () => {
    showError('code', '');
    const code = find('code').value.trim();
    if (code === '') return showError('code', demo.codeMissing);
    const asked = current;
    try {
      const { approved, checks, verification } = await request('POST', `${verificationPath()}/checks`, { code });
      if (current !== asked) return;
      take(verification);
      if (approved || !isOpen(verification)) return;
      showError('code', demo.codeWrong(checksLeft(checks)));
      find('code').select();
    } catch (error) {
      if (current === asked) takeRefusal(error, (text) => showError('code', text));
    }
  });
});

for (const button of againButtons) {
  button.addEventListener('click', () => {
    void whileBusy(button, async () => {
      const { channel } = button.dataset;
      const asked = current;
      setText(find('again-error'), '');
      try {
        const view = await request('POST', `${verificationPath()}/attempts`, { channel });
        if (current === asked) take(view);
      } catch (error) {
        if (current !== asked) return;
        if (error.problem?.code === 'cooldown') coolUntil[channel] = Date.now() + (error.retryAfterSeconds ?? 0) * 1000;
        takeRefusal(error, (text) => setText(find('again-error'), text));
      }
    });
  });
}

/** A refusal may say that the verification is over; else it is told where it belongs. */
function takeRefusal(error, tell) {
  if (!(error instanceof RequestError)) throw error;
  if (error.problem?.code === 'verification-closed' && error.problem.verification)
    return take(error.problem.verification);
  if (error.problem?.code === 'not-found') return startOver({ message: error.message });
  tell(error.message);
}

find('change').addEventListener('click', () => startOver());
find('restart').addEventListener('click', () => {
  suggestNumber();
  startOver();
});
for (const button of document.querySelectorAll('[data-number]')) {
  button.addEventListener('click', () => {
    if (current) startOver({ focus: false });
    find('number').value = button.dataset.number;
    showPhone(button.dataset.number);
    find('number').focus();
  });
}

// The code of a text, where the browser reads it: https://developer.mozilla.org/docs/Web/API/WebOTP_API

let otpWait;

function waitForText() {
  if (!('OTPCredential' in globalThis) || otpWait) return;
  otpWait = new AbortController();
  navigator.credentials.get({ otp: { transport: ['sms'] }, signal: otpWait.signal }).then(
    (credential) => {
      otpWait = undefined;
      if (!credential?.code) return;
      find('code').value = credential.code;
      find('code-form').requestSubmit();
    },
    () => {
      otpWait = undefined; // nobody allowed it, or the wait is over
    },
  );
}

function stopWaitingForText() {
  otpWait?.abort();
  otpWait = undefined;
}

// The start: what a reload interrupted goes on

function follow(view) {
  showPhone(view.to);
  followTimeline(view.id);
  followWorkings(view.id);
}

function readStored() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY));
  } catch {
    return null;
  }
}

/** With the sandbox any number will do, so one stands there: 555-0123 to 555-0199 are kept for fiction. */
function suggestNumber() {
  if (!find('phone')) return;
  const number = `404 555 0${123 + Math.floor(Math.random() * 77)}`;
  find('number').value = number;
  find('country').value = 'US';
  showPhone(`+1${number.replaceAll(' ', '')}`);
}

async function resume() {
  const stored = readStored();
  if (!stored?.id) {
    suggestNumber();
    return show('number');
  }
  try {
    current = { channel: stored.channel, view: await request('GET', `verifications/${encodeURIComponent(stored.id)}`) };
  } catch (error) {
    suggestNumber();
    return startOver({ message: error.problem ? '' : error.message, focus: false });
  }
  follow(current.view);
  if (!isOpen(current.view)) return showEnd();
  show('code');
  showOpen();
  schedulePoll();
}

find('number').addEventListener('focus', ({ target }) => target.select());
setInterval(showClocks, 1_000);
void resume();

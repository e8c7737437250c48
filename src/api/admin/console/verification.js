import { cell, chip, count, countryName, figure, fill, head, tellLost, time } from './format.js';
import { make, setText } from './pages/dom.js';
import { entryItem } from './pages/story.js';
import { texts } from './pages/texts.js';
import { RequestError, repeat, request } from './request.js';

const words = texts.console;
const find = (id) => document.getElementById(id);
const id = location.pathname.split('/').at(-1);
const mayAct = document.body.dataset.role === 'operator';
const REFRESH_MS = 2_000;
const REFRESH_SETTLED_MS = 10_000;

let told = 0;
let shownCallbacks = '';

function showVerification(v) {
  const reason = v.reason === null ? [] : [make('span', { className: 'under' }, v.reason)];
  setText(find('number'), `${v.to} (${countryName(v.country)})`);
  find('status').replaceChildren(chip(v.status, words.statuses[v.status] ?? v.status), ...reason);
  setText(find('owner'), v.owner);
  setText(find('reference'), v.reference ?? '–');
  setText(find('checks'), `${count(v.checks.used)}/${count(v.checks.max)}`);
  find('submitted').replaceChildren(time(v.created_at));
  find('expires').replaceChildren(time(v.expires_at));
  find('closed').replaceChildren(v.closed_at === null ? words.notYet : time(v.closed_at));
}

function showCallbacks(callbacks) {
  const now = JSON.stringify(callbacks);
  if (now === shownCallbacks) return; // so that a button keeps the focus
  shownCallbacks = now;
  const focused = document.activeElement?.dataset?.callback;
  fill(
    'callbacks',
    callbacks.map(({ id: callback, type, status, host, deliveries }) => {
      const last = deliveries.at(-1);
      const answer = last ? `${last.detail} (${count(deliveries.length)})` : '–';
      return [
        head(type, make('span', { className: 'under' }, host)),
        cell(chip(status, texts.workings.states[status] ?? status)),
        cell(answer),
        ...(mayAct ? [figure(replayButton(callback, type))] : []),
      ];
    }),
  );
  if (focused) document.querySelector(`[data-callback="${CSS.escape(focused)}"]`)?.focus();
}

function replayButton(callback, type) {
  const button = make('button', { type: 'button', className: 'small', ariaLabel: words.replayOf(type) }, words.replay);
  button.dataset.callback = callback;
  button.addEventListener('click', async () => {
    try {
      await request(`callbacks/${callback}/replay`, {});
      setText(find('told'), words.replayed);
      void lookNow();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      setText(find('told'), words.failedAction);
    }
  });
  return button;
}

async function look() {
  try {
    const { verification, timeline, callbacks } = await request(`verifications/${encodeURIComponent(id)}`);
    showVerification(verification);
    find('timeline').append(...timeline.slice(told).map(entryItem));
    told = timeline.length;
    showCallbacks(callbacks);
    find('verification').hidden = false;
    setText(find('loading'), '');
    tellLost();
    return verification.open || callbacks.some(({ status }) => status === 'pending') ? REFRESH_MS : REFRESH_SETTLED_MS;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.status === 404) setText(find('loading'), words.notFound);
    else tellLost(error);
    return REFRESH_SETTLED_MS;
  }
}

setText(find('id'), id);
const lookNow = repeat(look);

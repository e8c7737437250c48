import { make, setText } from './pages/dom.js';
import { createPhone, rememberSettledCalls } from './pages/phone.js';
import { isSoundOn, turnSound } from './pages/sound.js';
import { texts } from './pages/texts.js';
import { tellWorker } from './timeline.js';

const words = texts.workings;
const find = (id) => document.getElementById(id);
const settled = rememberSettledCalls();
const soundBox = find('sound');
const phonePlace = find('phone'); // not there when codes go to real phones
const sandboxLink = find('sandbox-link');
/** How often to look whether the worker is back. */
const LOOK_MS = 500;
/** When what is over need not be watched any more. */
const AFTERMATH_MS = 120_000;

let source;
let phone;
let workings = { jobs: [], callbacks: [], troubles: null };

const announce = (text) => {
  find('news').textContent = text;
};

/** Puts the phone of a number on the page; another number's is taken away. */
export function showPhone(number) {
  if (!phonePlace || phone?.number === number) return;
  phone?.view.close();
  phone = { number, view: createPhone({ number, announce, settled }) };
  phonePlace.replaceChildren(phone.view.element);
  sandboxLink.hash = number;
}

// What is broken

function showTroubles(troubles) {
  const before = workings.troubles;
  workings.troubles = troubles;
  if (!troubles) return;
  for (const button of document.querySelectorAll('[data-trouble]')) {
    button.setAttribute('aria-checked', String(Boolean(troubles[button.dataset.trouble])));
  }
  const left = find('tries-left');
  if (left) setText(left, troubles.provider_down > 0 ? texts.trouble.triesLeft(troubles.provider_down) : '');
  const worker = find('worker-state');
  if (!worker) return;
  const runs = troubles.worker_runs;
  setText(worker, runs === false ? texts.trouble.killed : '');
  find('kill').setAttribute('aria-disabled', String(runs === false));
  if (before && before.worker_runs !== runs) tellWorker(runs);
}

let asked = 0;

/** Of several at once the last one's answer is shown: one that was asked before it may come later, and be outdated. */
async function askTroubles(method, path = '', body = undefined) {
  const init =
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  asked += 1;
  const mine = asked;
  try {
    const response = await fetch(`api/troubles${path}`, { method, ...init });
    if (!response.ok) throw new Error(String(response.status));
    const troubles = await response.json();
    if (mine !== asked) return;
    showTroubles(troubles);
    setText(find('trouble-error'), '');
  } catch {
    setText(find('trouble-error'), texts.trouble.failed);
  }
}

for (const button of document.querySelectorAll('[data-trouble]')) {
  button.addEventListener('click', () => {
    const on = button.getAttribute('aria-checked') !== 'true';
    void askTroubles('PATCH', '', { [button.dataset.trouble]: on });
  });
}
find('kill')?.addEventListener('click', async ({ currentTarget }) => {
  if (currentTarget.getAttribute('aria-disabled') === 'true') return;
  await askTroubles('POST', '/kill-worker', {});
  while (workings.troubles?.worker_runs === false) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    await askTroubles('GET');
  }
});
if (find('trouble-error')) void askTroubles('GET');

// Jobs and callbacks

function showWorkings({ jobs, callbacks, troubles }) {
  workings = { ...workings, jobs, callbacks };
  showTroubles(troubles);
  const chip = (state) => make('span', { className: `chip ${state}` }, words.states[state] ?? state);
  fillTable(
    'jobs',
    jobs.map(({ queue, state, runs }) => [words.queues[queue] ?? queue, chip(state), String(runs)]),
  );
  fillTable(
    'callbacks',
    callbacks.map(({ type, status, deliveries, next_delivery_at: next }) => {
      const wait = make('span', { className: 'next' });
      if (status === 'pending' && next && deliveries.length > 0) wait.dataset.at = next;
      return [type.replace('verification.', ''), make('span', {}, chip(status), wait), dots(deliveries)];
    }),
  );
  showWaits();
}

function fillTable(name, rows) {
  find(`${name}-table`).hidden = rows.length === 0;
  find(`no-${name}`).hidden = rows.length > 0;
  find(name).replaceChildren(
    ...rows.map(([head, state, figure]) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, head),
        make('td', {}, state),
        make('td', { className: 'figure' }, figure),
      ),
    ),
  );
}

/** One dot for each delivery, with its answer for those who point at it or listen. */
function dots(deliveries) {
  const all = deliveries.map(({ http_status: status }) => {
    const text = words.answered(status);
    const dot = make('span', { className: status >= 200 && status < 300 ? 'took' : 'missed', title: text });
    dot.append(make('span', { className: 'unseen' }, `${text} `));
    return dot;
  });
  return make('span', { className: 'dots' }, ...all);
}

function showWaits() {
  for (const wait of document.querySelectorAll('.next[data-at]')) {
    const seconds = Math.max(0, Math.ceil((Date.parse(wait.dataset.at) - Date.now()) / 1000));
    setText(wait, words.next(seconds));
  }
}
setInterval(showWaits, 1_000);

/** Follows what a verification does behind the scenes, until another one is followed. */
export function followWorkings(id) {
  source?.close();
  const mine = new EventSource(`api/verifications/${encodeURIComponent(id)}/live`);
  source = mine;
  mine.addEventListener('workings', ({ data }) => showWorkings(JSON.parse(data)));
  mine.addEventListener('phone', ({ data }) => phone?.view.arrive(JSON.parse(data)));
}

/** Stops in a while, when the last callbacks have been delivered or given up for now. */
export function stopWorkingsLater() {
  const mine = source;
  setTimeout(() => mine?.close(), AFTERMATH_MS);
}

if (soundBox) {
  soundBox.checked = isSoundOn();
  soundBox.addEventListener('change', () => turnSound(soundBox.checked));
}

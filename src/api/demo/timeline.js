import { icon, make, setText } from './pages/dom.js';
import { texts } from './pages/texts.js';
import { STORY_TYPES } from './story-types.js';

const words = texts.timeline;
const clock = new Intl.DateTimeFormat(texts.locale, { timeStyle: 'medium' });

const TICK = 'M5 12.5l4.5 4.5L19 7.5';
const CROSS = 'M7 7l10 10M17 7L7 17';
const CLOCK = 'M12 7v5l3 2M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z';
const DOT = 'M12 11v2';
const BOLT = 'M13 3 6 13h5l-1 8 7-10h-5z';
const OUT = 'M5 12h13M13 6.5l5.5 5.5-5.5 5.5';

/** How an entry looks, by its type; the others are neutral. @type {Record<string, [tone: string, path: string]>} */
const LOOKS = {
  'verification.created': ['neutral', DOT],
  'attempt.started': ['neutral', OUT],
  'attempt.retry': ['wait', CLOCK],
  'attempt.sent': ['good', TICK],
  'attempt.failed': ['bad', CROSS],
  'attempt.unknown': ['wait', CLOCK],
  'check.wrong': ['bad', CROSS],
  'check.approved': ['good', TICK],
  'check.inconclusive': ['wait', CLOCK],
  'check.unavailable': ['wait', CLOCK],
  'verification.approved': ['good', TICK],
  'verification.expired': ['bad', CROSS],
  'verification.failed': ['bad', CROSS],
  'verification.blocked': ['bad', CROSS],
  'callback.delivered': ['good', TICK],
  'callback.failed': ['wait', CLOCK],
  'callback.exhausted': ['bad', CROSS],
  'callback.refused': ['bad', CROSS],
  'callback.gone': ['bad', CROSS],
};

const list = document.getElementById('timeline');
const box = document.getElementById('story');
box.tabIndex = 0; // it scrolls, and must with the keyboard, too
const empty = document.getElementById('timeline-empty');
const lost = document.getElementById('timeline-lost');
let source;

function add(at, headline, sentence, [tone, path]) {
  const nearEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const stamp = make('time', { dateTime: at }, clock.format(new Date(at)));
  const item = make(
    'li',
    { className: tone },
    make('span', { className: 'dot' }, icon(path)),
    make('p', { className: 'headline' }, make('strong', {}, headline), ' ', stamp),
    make('p', { className: 'sentence' }, sentence),
  );
  box.hidden = false;
  empty.hidden = true;
  list.append(item);
  if (nearEnd) box.scrollTop = box.scrollHeight;
}

const addEntry = (entry) =>
  add(entry.at, words.headline(entry), words.sentence(entry), LOOKS[entry.type] ?? ['neutral', DOT]);

/** Tells the story of a verification from its start, and goes on until it is over or another one is followed. */
export function followTimeline(id) {
  source?.close();
  list.replaceChildren();
  box.hidden = true;
  empty.hidden = false;
  setText(lost, '');
  const mine = new EventSource(`api/verifications/${encodeURIComponent(id)}/timeline`);
  source = mine;
  for (const type of STORY_TYPES) mine.addEventListener(type, ({ data }) => addEntry(JSON.parse(data)));
  mine.addEventListener('open', () => setText(lost, ''));
  mine.addEventListener('error', () => setText(lost, mine.readyState === EventSource.CONNECTING ? words.lost : ''));
  mine.addEventListener('end', () => mine.close());
}

/** What the visitor did to the worker; it stands in no record, so the page tells it. */
export function tellWorker(runs) {
  const now = new Date().toISOString();
  if (runs) add(now, words.back, words.backText, ['good', TICK]);
  else add(now, words.killed, words.killedText, ['bad', BOLT]);
}

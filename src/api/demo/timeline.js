import { setText } from './pages/dom.js';
import { BOLT, entryItem, storyItem, TICK } from './pages/story.js';
import { texts } from './pages/texts.js';
import { STORY_TYPES } from './story-types.js';

const words = texts.timeline;
const list = document.getElementById('timeline');
const box = document.getElementById('story');
box.tabIndex = 0; // it scrolls, and must with the keyboard, too
const empty = document.getElementById('timeline-empty');
const lost = document.getElementById('timeline-lost');
let source;

function add(item) {
  const nearEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  box.hidden = false;
  empty.hidden = true;
  list.append(item);
  if (nearEnd) box.scrollTop = box.scrollHeight;
}

/** Tells the story of a verification from its start, and goes on until it is over or another one is followed. */
export function followTimeline(id) {
  source?.close();
  list.replaceChildren();
  box.hidden = true;
  empty.hidden = false;
  setText(lost, '');
  const mine = new EventSource(`api/verifications/${encodeURIComponent(id)}/timeline`);
  source = mine;
  for (const type of STORY_TYPES) mine.addEventListener(type, ({ data }) => add(entryItem(JSON.parse(data))));
  mine.addEventListener('open', () => setText(lost, ''));
  mine.addEventListener('error', () => setText(lost, mine.readyState === EventSource.CONNECTING ? words.lost : ''));
  mine.addEventListener('end', () => mine.close());
}

/** What the visitor did to the worker; it stands in no record, so the page tells it. */
export function tellWorker(runs) {
  const now = new Date().toISOString();
  if (runs) add(storyItem(now, words.back, words.backText, ['good', TICK]));
  else add(storyItem(now, words.killed, words.killedText, ['bad', BOLT]));
}

import { icon, make } from './dom.js';
import { texts } from './texts.js';

const words = texts.timeline;
const clock = new Intl.DateTimeFormat(texts.locale, { timeStyle: 'medium' });

export const TICK = 'M5 12.5l4.5 4.5L19 7.5';
const CROSS = 'M7 7l10 10M17 7L7 17';
const CLOCK = 'M12 7v5l3 2M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z';
const DOT = 'M12 11v2';
export const BOLT = 'M13 3 6 13h5l-1 8 7-10h-5z';
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

/** One item of a story. @param {[tone: string, path: string]} look */
export function storyItem(at, headline, sentence, [tone, path]) {
  const stamp = make('time', { dateTime: at }, clock.format(new Date(at)));
  return make(
    'li',
    { className: tone },
    make('span', { className: 'dot' }, icon(path)),
    make('p', { className: 'headline' }, make('strong', {}, headline), ' ', stamp),
    make('p', { className: 'sentence' }, sentence),
  );
}

/** An entry of the timeline as an item. */
export function entryItem(entry) {
  return storyItem(entry.at, words.headline(entry), words.sentence(entry), LOOKS[entry.type] ?? ['neutral', DOT]);
}

import { type Colour, type Output, visible } from './output.ts';

interface Entry {
  at: string;
  type: string;
  text: string;
}

/** The first that fits; a type that came later than this program has no colour. */
const COLOURS: readonly (readonly [RegExp, Colour])[] = [
  [/\.(approved|sent|delivered)$/, 'green'],
  [/^(verification|attempt)\.(failed|expired|blocked)$|\.exhausted$/, 'red'],
  [/\.(retry|unknown|wrong|inconclusive|unavailable|failed|canceled|refused|gone)$/, 'yellow'],
  [/\.(created|skipped)$/, 'dim'],
];

/** An entry of a timeline as one line: the local time of day, and the sentence. */
export function timelineLine({ at, type, text }: Entry, output: Output): string {
  const time = output.paint('dim', new Date(at).toTimeString().slice(0, 8));
  const colour = COLOURS.find(([pattern]) => pattern.test(type))?.[1];
  return `${time}  ${colour === undefined ? visible(text) : output.paint(colour, visible(text))}`;
}

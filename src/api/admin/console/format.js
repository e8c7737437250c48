import { make } from './pages/dom.js';
import { texts } from './pages/texts.js';

const words = texts.console;
const { locale } = texts;
const whole = new Intl.NumberFormat(locale);
const oneDecimal = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
const countries = new Intl.DisplayNames(locale, { type: 'region' });

export const count = (n) => whole.format(n);
export const percent = (rate) => share.format(rate);
export const time = (at) => make('time', { dateTime: at }, moment.format(new Date(at)));
export const countryName = (code) => (code === null ? words.unknownCountry : (countries.of(code) ?? code));

/** A span of time in the unit that fits it. */
export function span(ms) {
  if (ms < 1_000) return `${whole.format(ms)}\u00a0ms`;
  if (ms < 120_000) return `${oneDecimal.format(ms / 1_000)}\u00a0s`;
  return `${oneDecimal.format(ms / 60_000)}\u00a0min`;
}

export const spans = ({ p50, p95 }) => (p50 === null ? '–' : `${span(p50)} · ${span(p95)}`);

/** A cell of figures. */
export const figure = (text) => make('td', { className: 'figure' }, text);
export const head = (...children) => make('th', { scope: 'row' }, ...children);
export const cell = (...children) => make('td', {}, ...children);

export const chip = (state, text) => make('span', { className: `chip ${state}` }, text);

/** A bar beside its figure: the bar for the eye, the words for everybody. @param rate - from 0 up to 1 */
export function bar(rate, text, tone = '') {
  const fill = make('span', { className: `fill ${tone}` });
  fill.style.inlineSize = `${Math.min(100, Math.round(rate * 100))}%`;
  return make('span', { className: 'bar' }, make('span', { className: 'track' }, fill), make('span', {}, text));
}

/** Verified of those that ended, as a bar. */
export function conversion({ ended, approved, rate }) {
  if (rate === null) return make('span', { className: 'quiet' }, words.nothingYet);
  return bar(rate, `${percent(rate)} (${count(approved)}/${count(ended)})`, 'good');
}

/** Shows rows in a table, or that there are none. */
export function fill(name, rows) {
  const table = document.getElementById(`${name}-table`);
  if (table) table.hidden = rows.length === 0;
  const none = document.getElementById(`no-${name}`);
  if (none) none.hidden = rows.length > 0;
  document.getElementById(name).replaceChildren(...rows.map((cells) => make('tr', {}, ...cells)));
}

/** Tells what is wrong with the connection; an empty text that nothing is. */
export function tellLost(error) {
  const lost = document.getElementById('lost');
  if (error === undefined) lost.replaceChildren();
  else if (error.status === 401) {
    const link = make('a', { href: `/admin/sign-in?next=${encodeURIComponent(location.pathname)}` }, words.signIn);
    lost.replaceChildren(`${words.signedOut} `, link);
  } else lost.textContent = words.lost;
}

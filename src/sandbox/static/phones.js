import { make, setText } from '/pages/dom.js';
import { createPhone, rememberSettledCalls, spaced } from '/pages/phone.js';
import { isSoundOn, turnSound } from '/pages/sound.js';
import { texts } from '/pages/texts.js';

const words = texts.phones;
const $ = (id) => document.getElementById(id);
const table = $('phones');
const settled = rememberSettledCalls();
/** By number: `{ phone, place }`. @type {Map<string, { phone: ReturnType<typeof createPhone>, place: HTMLElement }>} */
const phones = new Map();

const announce = (text) => {
  $('news').textContent = text;
};

/** The number shown alone, from the fragment: it reaches no server and no log. Empty for all. */
function wantedNumber() {
  const fragment = location.hash.slice(1);
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function phoneOf(number) {
  const known = phones.get(number);
  if (known) return known;
  const phone = createPhone({ number, announce, settled });
  const only = make('a', { href: `#${number}`, ariaLabel: `${words.only}: ${spaced(number)}` }, words.only);
  const place = make('div', {}, phone.element, make('p', { className: 'only' }, only));
  const entry = { phone, place };
  phones.set(number, entry);
  return entry;
}

/** Shows the wanted phone, or all of them. */
function choose() {
  const wanted = wantedNumber();
  if (wanted !== '' && !phones.has(wanted)) table.prepend(phoneOf(wanted).place);
  for (const [number, { place }] of phones) {
    place.hidden = wanted !== '' && number !== wanted;
    place.querySelector('.only').hidden = wanted !== '';
  }
  $('show-all').hidden = wanted === '';
  $('nothing').hidden = phones.size > 0;
  if ($('number') !== document.activeElement) $('number').value = wanted;
}

function clear() {
  for (const { phone, place } of phones.values()) {
    phone.close();
    place.remove();
  }
  phones.clear();
}

function showAll(messages) {
  // after a lost connection the phones stay; emptied is what has nothing left
  if (messages.length === 0) clear();
  for (const message of messages) {
    const { phone, place } = phoneOf(message.to);
    phone.fill([message]);
    table.prepend(place);
  }
  choose();
}

function arrive(message) {
  const { phone, place } = phoneOf(message.to);
  if (!place.isConnected) table.prepend(place);
  choose();
  phone.arrive(message);
}

function connect() {
  const events = new EventSource('/events');
  events.addEventListener('open', () => setText($('connection'), words.connected));
  events.addEventListener('error', () => setText($('connection'), words.lost));
  events.addEventListener('all', ({ data }) => showAll(JSON.parse(data).reverse()));
  events.addEventListener('arrived', ({ data }) => arrive(JSON.parse(data)));
}

async function showSpecialNumbers() {
  const response = await fetch('/special-numbers');
  for (const { number, summary } of await response.json()) {
    const head = make('th', { scope: 'row' }, make('a', { href: `#${number}` }, number));
    $('numbers').append(make('tr', {}, head, make('td', {}, summary)));
  }
}

function go(number) {
  history.pushState(null, '', number === '' ? location.pathname : `#${number}`);
  choose();
}

addEventListener('hashchange', choose);
addEventListener('popstate', choose);
$('add').addEventListener('submit', (event) => {
  event.preventDefault();
  go($('number').value.replace(/[^+\d]/g, ''));
});
$('show-all').addEventListener('click', () => {
  $('number').value = '';
  go('');
});
$('empty').addEventListener('click', () => fetch('/messages', { method: 'DELETE' }).catch(() => {}));
$('sound').checked = isSoundOn();
$('sound').addEventListener('change', ({ target }) => turnSound(target.checked));

choose();
connect();
showSpecialNumbers().catch(() => {}); // without them the phones still work

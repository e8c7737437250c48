const NAMES = { sms: 'Text', call: 'Call' };
const MAX_SHOWN = 1000;

const $ = (id) => document.getElementById(id);
const list = $('messages');
const numberField = $('number');
const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** The number shown alone, from the fragment: it reaches no server and no log. Empty for all. */
function wantedNumber() {
  const fragment = location.hash.slice(1);
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

/** An element with properties and children; text goes in as text, never as HTML. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function build({ channel, to, from, at, text, code }) {
  const copy = make('button', { type: 'button', ariaLabel: `Copy the code ${code}` }, 'Copy');
  copy.addEventListener('click', () => {
    navigator.clipboard.writeText(code).then(
      () => announce('The code is copied.'),
      () => announce('The browser did not allow copying.'),
    );
  });
  const item = make(
    'li',
    { className: channel },
    make(
      'p',
      { className: 'meta' },
      make('span', { className: 'channel' }, NAMES[channel]),
      ' to ',
      make('a', { href: `#${to}` }, to),
      ` from ${from ?? 'SignalWire’s own number'}, `,
      make('time', { dateTime: at }, timeFormat.format(new Date(at))),
    ),
    make('p', {}, text),
    make('p', {}, make('span', { className: 'visually-hidden' }, 'Code: '), make('code', {}, code), copy),
  );
  item.dataset.to = to;
  return item;
}

function applyFilter() {
  const wanted = wantedNumber();
  if (numberField !== document.activeElement) numberField.value = wanted;
  let shown = 0;
  for (const item of list.children) {
    item.hidden = wanted !== '' && item.dataset.to !== wanted;
    if (!item.hidden) shown += 1;
  }
  $('nothing').hidden = shown > 0;
  $('nothing').textContent = wanted === '' ? 'Nothing has arrived yet.' : `Nothing has arrived for ${wanted} yet.`;
}

function filterBy(number) {
  history.replaceState(null, '', number === '' ? location.pathname : `#${number}`);
  applyFilter();
}

function announce(text) {
  $('news').textContent = text;
}

function connect() {
  const events = new EventSource('/events');
  events.addEventListener('open', () => {
    $('connection').textContent = 'Connected: they show up by themselves.';
  });
  events.addEventListener('error', () => {
    $('connection').textContent = 'The sandbox is not answering; trying again…';
  });
  events.addEventListener('all', ({ data }) => {
    list.replaceChildren(...JSON.parse(data).map(build));
    applyFilter();
  });
  events.addEventListener('arrived', ({ data }) => {
    const message = JSON.parse(data);
    list.prepend(build(message));
    while (list.children.length > MAX_SHOWN) list.lastElementChild.remove();
    applyFilter();
    if (!list.firstElementChild.hidden) announce(`${NAMES[message.channel]} to ${message.to}: code ${message.code}`);
  });
}

async function showSpecialNumbers() {
  const response = await fetch('/special-numbers');
  for (const { number, summary } of await response.json()) {
    const head = make('th', { scope: 'row' }, make('a', { href: `#${number}` }, number));
    $('numbers').append(make('tr', {}, head, make('td', {}, summary)));
  }
}

addEventListener('hashchange', applyFilter);
numberField.addEventListener('input', () => filterBy(numberField.value.trim()));
$('filter').addEventListener('submit', (event) => event.preventDefault());
$('show-all').addEventListener('click', () => {
  numberField.value = '';
  filterBy('');
});
$('empty').addEventListener('click', () => fetch('/messages', { method: 'DELETE' }).catch(() => {}));

applyFilter();
connect();
showSpecialNumbers().catch(() => {}); // without them the inbox still works

import { showHours } from './chart.js';
import {
  bar,
  cell,
  chip,
  conversion,
  count,
  countryName,
  figure,
  fill,
  head,
  percent,
  span,
  spans,
  tellLost,
  time,
} from './format.js';
import { make, setText } from './pages/dom.js';
import { texts } from './pages/texts.js';
import { RequestError, repeat, request } from './request.js';

const words = texts.console;
const find = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat(texts.locale, { timeStyle: 'medium' });
const dayAndHour = new Intl.DateTimeFormat(texts.locale, { weekday: 'short', hour: 'numeric', minute: '2-digit' });
const REFRESH_MS = 5_000;
/** A week is many hours to read, and changes little. */
const REFRESH_WEEK_MS = 60_000;
/** Hours that a period has, the current one included; today is the visitor's. */
const HOURS = { today: () => new Date().getHours() + 1, day: () => 24, week: () => 7 * 24 };

const blockForm = find('block-form'); // not there for those who only look
let shownBlocks = '';
let range = 'today';

// The figures of a period

function showFigures(figures) {
  const { channels, conversion: all, takeovers, to_approve: toApprove } = figures;
  const tookOver = takeovers.reduce((sum, one) => sum + one.count, 0);
  const [sms] = channels;
  setText(find('created'), count(figures.created));
  setText(find('approved'), all.rate === null ? '–' : percent(all.rate));
  setText(find('approved-of'), words.approvedOf(count(all.approved), count(all.ended)));
  setText(find('takeovers'), count(tookOver));
  setText(find('takeovers-of'), figures.created === 0 ? '' : words.takeoversOf(percent(tookOver / figures.created)));
  tile('to-send', sms.to_send);
  tile('to-approve', toApprove);
  showHours(figures.hours);
  fill(
    'hours',
    figures.hours
      .filter(({ created, approved, takeovers: calls }) => created + approved + calls > 0)
      .map(({ at, created, approved, takeovers: calls }) => [
        head(dayAndHour.format(new Date(at))),
        ...[created, approved, calls].map((n) => figure(count(n))),
      ]),
  );
  fill(
    'channels',
    channels.map((one) => [
      head(words.channelNames[one.channel]),
      cell(conversion(one.conversion)),
      figure(spans(one.waited)),
      figure(spans(one.to_send)),
    ]),
  );
  fill(
    'countries',
    figures.countries.map((one) => [
      head(countryName(one.country)),
      figure(count(one.created)),
      cell(conversion(one.conversion)),
    ]),
  );
  shares('why', takeovers, ({ trigger }) => words.triggers[trigger] ?? trigger);
  const endings = Object.entries(figures.ended).map(([status, n]) => ({ status, count: n }));
  shares(
    'endings',
    endings.filter((one) => one.count > 0),
    ({ status }) => words.statuses[status] ?? status,
  );
  fill(
    'answers',
    figures.tries.map(({ channel, outcome, what, count: n }) => [
      head(
        chip(
          outcome === 'sent' ? 'delivered' : outcome === 'refused' ? 'refused' : 'pending',
          words.outcomes[outcome] ?? outcome,
        ),
      ),
      cell(words.channelNames[channel]),
      cell(what === '' ? '–' : what),
      figure(count(n)),
    ]),
  );
  fill(
    'targets',
    figures.targets.map((one) => [
      head(
        one.origin ?? one.target,
        ...(one.state === 'enabled' ? [] : [' ', chip('failed', words.states[one.state])]),
        make('span', { className: 'under' }, one.owner),
      ),
      figure(count(one.deliveries)),
      figure(one.failed === 0 ? '0' : make('strong', { className: 'wrong' }, count(one.failed))),
      figure(spans(one.latency)),
    ]),
  );
}

function tile(name, { p50, p95 }) {
  setText(find(name), p50 === null ? '–' : span(p50));
  setText(find(`${name}-most`), p95 === null ? words.nothingYet : words.p95(span(p95)));
}

/** Rows with each one's share of all. */
function shares(name, rows, label) {
  const all = rows.reduce((sum, one) => sum + one.count, 0);
  fill(
    name,
    rows.map((one) => [
      head(label(one)),
      cell(bar(one.count / all, `${count(one.count)} (${percent(one.count / all)})`)),
    ]),
  );
}

// This moment

function showNow({ at, queues, channels, troubles }) {
  fill(
    'queues',
    queues.map(({ queue, waiting, active, delayed, paused, lag_ms: lag }) => [
      head(
        make('a', { href: `/admin/queues/queue/${queue}` }, queue),
        ...(paused ? [' ', chip('failed', words.paused)] : []),
      ),
      ...[waiting, active, delayed].map((n) => figure(count(n))),
      figure(lag < 3_000 ? words.onTime : span(lag)),
    ]),
  );
  fill(
    'rates',
    channels.map((one) => {
      const most = one.rate_per_second === null ? null : one.rate_per_second * 60;
      const tries = count(one.tries_per_minute);
      const use =
        most === null
          ? words.noLimit(tries)
          : bar(one.use, words.ofRate(tries, count(most)), one.use > 0.8 ? 'wait' : '');
      const rests =
        one.paused_ms > 0 ? [make('span', { className: 'under' }, words.pausedFor(span(one.paused_ms)))] : [];
      return [
        head(words.channelNames[one.channel]),
        cell(use, ...rests),
        figure(chip(one.circuit === 'open' ? 'failed' : 'completed', words.circuits[one.circuit])),
      ];
    }),
  );
  find('troubles-box').hidden = troubles.length === 0;
  find('troubles').replaceChildren(
    ...troubles.map(({ channel, code, detail, since }) =>
      make(
        'li',
        {},
        make('strong', {}, `${words.channelNames[channel]}: ${words.troubleCodes[code] ?? code}`),
        ` – ${detail} (${words.since(clock.format(new Date(since)))})`,
      ),
    ),
  );
  setText(find('updated'), words.updated(clock.format(new Date(at))));
}

function showAudit({ data }) {
  fill(
    'audit',
    data.map(({ at, actor, action, subject }) => [
      cell(time(at)),
      cell(actor),
      cell(make('code', {}, action), ...(subject ? [make('span', { className: 'under' }, subject)] : [])),
    ]),
  );
}

// Blocked prefixes

function showBlocks({ data }) {
  const now = JSON.stringify(data);
  if (now === shownBlocks) return; // so that a button keeps the focus
  shownBlocks = now;
  fill(
    'blocks',
    data.map(({ prefix, until, reason, actor }) => [
      head(prefix, make('span', { className: 'under' }, reason)),
      cell(time(until)),
      cell(actor),
      ...(blockForm ? [figure(freeButton(prefix))] : []),
    ]),
  );
}

function freeButton(prefix) {
  const button = make('button', { type: 'button', className: 'small', ariaLabel: words.freeOf(prefix) }, words.free);
  button.addEventListener('click', () => act('blocks/free', { prefix }, words.freed(prefix)));
  return button;
}

async function act(path, body, done) {
  try {
    await request(path, body);
    setText(find('blocked'), done);
    void lookNow();
    return true;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    setText(find('blocked'), words.failedAction);
    return false;
  }
}

blockForm?.addEventListener('submit', async (event) => {
  event.preventDefault();
  const [prefix, reason] = [find('prefix').value.trim(), find('reason').value.trim()];
  if (await act('blocks', { prefix, hours: Number(find('block-hours').value), reason }, words.nowBlocked(prefix)))
    blockForm.reset();
});

let figuresAt = 0;

async function look() {
  try {
    const wanted = range;
    const stale = wanted !== 'week' || Date.now() - figuresAt > REFRESH_WEEK_MS;
    const [figures, now, audit, blocks] = await Promise.all([
      stale ? request(`figures?hours=${HOURS[wanted]()}`) : undefined,
      request('now'),
      request('audit'),
      request('blocks'),
    ]);
    if (wanted !== range) return 0; // another period was chosen meanwhile
    if (figures) {
      showFigures(figures);
      figuresAt = Date.now();
    }
    showNow(now);
    showAudit(audit);
    showBlocks(blocks);
    tellLost();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    tellLost(error);
  }
  return REFRESH_MS;
}

const lookNow = repeat(look);

for (const button of document.querySelectorAll('[data-range]')) {
  button.addEventListener('click', () => {
    range = button.dataset.range;
    figuresAt = 0;
    for (const other of document.querySelectorAll('[data-range]')) {
      other.setAttribute('aria-pressed', String(other === button));
    }
    void lookNow();
  });
}

// The search

find('search-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const wanted = find('wanted').value.trim();
  if (wanted === '') return find('wanted').focus();
  try {
    const { data } = await request('search', { wanted });
    setText(find('found-nothing'), data.length === 0 ? words.foundNothing : '');
    find('found-box').hidden = data.length === 0;
    fill(
      'found',
      data.map((v) => [
        head(make('a', { href: `/admin/verifications/${v.id}` }, v.to)),
        cell(chip(v.status, words.statuses[v.status] ?? v.status)),
        cell(v.owner),
        cell(v.reference ?? '–'),
        cell(time(v.created_at)),
      ]),
    );
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    setText(find('found-nothing'), words.failedAction);
  }
});

import { make } from './pages/dom.js';
import { texts } from './pages/texts.js';

const words = texts.console;
const place = document.getElementById('chart');
const HEIGHT = 220;
const dark = matchMedia('(prefers-color-scheme: dark)');
const hour = new Intl.DateTimeFormat(texts.locale, { hour: 'numeric' });
const day = new Intl.DateTimeFormat(texts.locale, { weekday: 'short', hour: 'numeric' });
const { uPlot } = globalThis;

let hours = [];
let plot;
let drawn = '';

/** A colour of the page's style; canvas knows no `light-dark()`. */
function colour(name) {
  const probe = make('span', { className: `ink-${name}` });
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const data = () => [
  hours.map(({ at }) => Date.parse(at) / 1_000),
  hours.map(({ created }) => created),
  hours.map(({ approved }) => approved),
  hours.map(({ takeovers }) => takeovers),
];

function draw() {
  plot?.destroy();
  const bars = uPlot.paths.bars({ size: [0.75, 40], radius: 0.2 });
  const axis = { stroke: colour('muted'), grid: { stroke: colour('soft'), width: 1 }, ticks: { show: false } };
  const format = hours.length > 24 ? day : hour;
  plot = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      padding: [8, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { range: (_plot, min, max) => [min - 2_400, max + 2_400] },
        y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.1)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          incrs: [1, 2, 3, 6, 12, 24, 48].map((n) => n * 3_600),
          space: hours.length > 24 ? 90 : 56,
          values: (_plot, at) => at.map((s) => format.format(s * 1_000)),
        },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000] },
      ],
      series: [
        { label: words.hour, value: (_plot, s) => (s === null ? '–' : format.format(s * 1_000)) },
        {
          label: words.created,
          fill: colour('created'),
          stroke: colour('created'),
          paths: bars,
          points: { show: false },
        },
        {
          label: words.approved,
          fill: colour('approved'),
          stroke: colour('approved'),
          paths: bars,
          points: { show: false },
        },
        { label: words.takeovers, stroke: colour('takeovers'), width: 2, points: { show: hours.length < 3 } },
      ],
    },
    data(),
    place,
  );
}

/** Shows the hours; drawn anew only when there is another number of them or another look. */
export function showHours(next) {
  hours = next;
  const now = `${hours.length} ${dark.matches}`;
  if (now === drawn) plot.setData(data());
  else draw();
  drawn = now;
}

dark.addEventListener('change', () => showHours(hours));
new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);

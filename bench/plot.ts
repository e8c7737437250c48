const WIDTH = 720;
const HEIGHT = 300;
const MARGIN = { left: 60, right: 90, top: 20, bottom: 40 };
const COLORS = ['#2563eb', '#d97706', '#059669'];

/** Lines over time, as an SVG that reads on light and dark ground. */
export function linePlot(
  title: string,
  axes: { x: string; y: string },
  series: readonly { name: string; points: readonly (readonly [number, number])[] }[],
): string {
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const [maxX, maxY] = [Math.max(1, ...xs), Math.max(1, ...ys) * 1.1];
  const x = (value: number) => MARGIN.left + (value / maxX) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) => HEIGHT - MARGIN.bottom - (value / maxY) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const lines = series.map(({ name, points }, i) => {
    const path = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    const [lastX = 0, lastY = 0] = points.at(-1) ?? [];
    const color = COLORS[i % COLORS.length];
    return `<polyline fill="none" stroke="${color}" stroke-width="2" points="${path}"/><text x="${x(lastX) + 6}" y="${y(lastY) + 4}" fill="${color}">${name}</text>`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((part) => [
    `<text x="${x(part * maxX)}" y="${HEIGHT - 20}" text-anchor="middle">${Math.round(part * maxX)}</text>`,
    `<text x="${MARGIN.left - 8}" y="${y(part * maxY) + 4}" text-anchor="end">${Math.round(part * maxY)}</text>`,
  ]);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#6b7280" role="img" aria-label="${title}">
<title>${title}</title>
<path d="M${MARGIN.left} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}H${WIDTH - MARGIN.right}" fill="none" stroke="#9ca3af"/>
${ticks.join('\n')}
<text x="${WIDTH - MARGIN.right}" y="${HEIGHT - 4}" text-anchor="end">${axes.x}</text>
<text x="${MARGIN.left}" y="14">${axes.y}</text>
${lines.join('\n')}
</svg>
`;
}

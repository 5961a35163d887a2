// Two lines over the last five minutes, drawn by uPlot. Runs in the browser.
(() => {
  const { document, uPlot, matchMedia, ResizeObserver } = globalThis;
  const [spanSeconds, shortestSeconds] = [300, 60];
  const colour = (name) => globalThis.getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (value) =>
    value >= 10_000 ? `${Math.round(value / 1_000)}k` : String(Number(value.toPrecision(value >= 100 ? 3 : 2)));
  const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

  const axis = (extra) => ({
    stroke: colour('--muted'),
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
    ...extra,
  });

  /** A chart in `element`; `show` takes epoch seconds and a column per side, null where nothing was measured. */
  function liveChart(element, { onHover }) {
    let data = [[], [], []];
    let plot;
    const options = () => ({
      width: element.clientWidth,
      height: element.clientHeight,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: {
          range: (u) => {
            const last = u.data[0].at(-1) ?? Date.now() / 1_000;
            // A page that was opened a moment ago shows what it has, not five empty minutes.
            const first = Math.min(u.data[0][0] ?? last, last - shortestSeconds);
            return [Math.max(first, last - spanSeconds), last];
          },
        },
        y: { range: (_, __, max) => [0, Math.max(max ?? 0, 1) * 1.15] },
      },
      axes: [
        axis({
          grid: { show: false },
          size: 26,
          space: 60,
          values: (_, ticks) =>
            ticks.map((t) => (t % 60 === 0 ? clock.format(t * 1_000) : `:${String(t % 60).padStart(2, '0')}`)),
          incrs: [15, 30, 60, 120],
        }),
        axis({ size: 42, space: 34, values: (_, ticks) => ticks.map(short) }),
      ],
      series: [
        {},
        ...['--legacy', '--saga'].map((name) => ({
          stroke: colour(name),
          width: 2,
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: { setCursor: [(u) => onHover(u.cursor.idx ?? null)] },
    });
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(), data, element);
    };
    draw();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
    new ResizeObserver(() => {
      if (element.clientWidth > 0 && plot.width !== element.clientWidth) {
        plot.setSize({ width: element.clientWidth, height: element.clientHeight });
      }
    }).observe(element);
    return {
      show(columns) {
        data = columns;
        plot.setData(data);
      },
      hovered: () => plot.cursor.idx ?? null,
    };
  }

  globalThis.liveChart = liveChart;
})();

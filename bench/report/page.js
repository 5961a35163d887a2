// Draws the charts of a report with uPlot. Runs in the browser, from the file itself: no network.
(() => {
  const { document, uPlot, matchMedia, ResizeObserver, addEventListener } = globalThis;
  const charts = JSON.parse(document.getElementById('chart-data').textContent);
  const style = () => globalThis.getComputedStyle(document.documentElement);
  const colour = (name) => style().getPropertyValue(name).trim();
  const short = (value) =>
    value === null || value === undefined
      ? ''
      : value >= 10_000
        ? `${Math.round(value / 1_000)}k`
        : value >= 10
          ? String(Math.round(value))
          : String(Number(value.toPrecision(2)));
  const percentile = (nines) => {
    const p = 100 * (1 - 10 ** -nines);
    return `p${Number(p.toFixed(p > 99.9 ? 2 : p > 99 ? 1 : 0))}`;
  };

  const axis = (extra) => ({
    stroke: colour('--muted'),
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { stroke: colour('--grid'), width: 1, size: 4 },
    font: `${globalThis.innerWidth < 600 ? 10 : 12}px system-ui, sans-serif`,
    ...extra,
  });

  const xNames = { rounds: 'round', latency: 'percentile', bars: 'lock', time: 'after the fault' };

  // Bars start at the bottom of a logarithmic scale, so the scale has to begin below the smallest one.
  const logRange = (_, min, max) =>
    min === null
      ? [1, 10]
      : [10 ** Math.floor(Math.log10(Math.max(min, 1e-3)) - 1e-9), 10 ** Math.ceil(Math.log10(max) + 1e-9)];

  const kinds = {
    rounds: (chart) => ({
      x: axis({
        values: (_, ticks) => ticks.map((t) => (chart.data[0].includes(t) ? `round ${t}` : '')),
        grid: { show: false },
        incrs: [1, 2, 5],
        space: 60,
      }),
      xRange: (_, min, max) => [min - 0.4, max + 0.4],
      path: undefined,
      points: { show: true, size: 8 },
      xLabel: (x) => `round ${x}`,
      log: spread(chart) > 8,
    }),
    latency: () => ({
      x: axis({
        splits: (u) => [0, 0.30103, 1, 2, 3, 4].filter((n) => n <= u.scales.x.max),
        values: (_, ticks) => ticks.map(percentile),
      }),
      xRange: (_, min, max) => [min, Math.max(max, 1)],
      path: uPlot.paths.linear(),
      points: { show: false },
      xLabel: percentile,
      log: true,
    }),
    bars: (chart) => ({
      x: axis({
        grid: { show: false },
        splits: () => chart.groups.map((group) => group.at),
        values: () => chart.groups.map((group) => group.label.replace(' ', '\n')),
        size: 46,
      }),
      xRange: (_, min, max) => [min - 1, max + 1],
      path: uPlot.paths.bars({ size: [0.86, 60] }),
      points: { show: false },
      xLabel: () => '',
      log: true,
    }),
    time: (chart) => ({
      x: axis({ values: (_, ticks) => ticks.map((t) => `${t} s`), space: 46 }),
      xRange: (_, min, max) => [min, max],
      path: chart.stepped ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear(),
      points: { show: false },
      xLabel: (x) => `${x.toFixed(2)} s`,
      log: false,
      hooks: { drawClear: [shade(chart)], draw: [markZero] },
    }),
  };

  // What it lasted as shade beneath grid and curves; what happened at 0 as a line above them: the curves often fall just there.
  function shade(chart) {
    return (u) => {
      const { ctx } = u;
      const { top, height } = u.bbox;
      const at = (x) => u.valToPos(Math.min(Math.max(x, u.scales.x.min), u.scales.x.max), 'x', true);
      ctx.save();
      ctx.globalAlpha = 0.16;
      for (const band of chart.bands ?? []) {
        ctx.fillStyle = band.colour;
        ctx.fillRect(at(band.from), top, at(band.to) - at(band.from), height);
      }
      ctx.restore();
    };
  }

  function markZero(u) {
    const { ctx } = u;
    ctx.save();
    ctx.fillStyle = colour('--bad');
    ctx.fillRect(Math.round(u.valToPos(0, 'x', true)) - 1, u.bbox.top, 2, u.bbox.height);
    ctx.restore();
  }

  function spread(chart) {
    const values = chart.data
      .slice(1)
      .flat()
      .filter((v) => v > 0);
    return Math.max(...values) / Math.min(...values);
  }

  function draw(chart, element) {
    const kind = kinds[chart.kind](chart);
    const height = globalThis.innerWidth < 600 ? 220 : 260;
    const options = {
      width: element.clientWidth,
      height,
      cursor: { y: false, drag: { x: false, y: false } },
      legend: { show: chart.kind !== 'bars', live: true },
      hooks: kind.hooks ?? {},
      scales: {
        x: { time: false, range: kind.xRange },
        y: kind.log ? { distr: 3, range: logRange } : { range: (_, min, max) => [0, (max ?? 1) * 1.08] },
      },
      axes: [kind.x, axis({ values: (_, ticks) => ticks.map((t) => (t === null ? '' : short(t))), size: 46 })],
      series: [
        {
          label: xNames[chart.kind],
          value: (_, x) => (x === null ? '' : kind.xLabel(x)),
        },
        ...chart.series.map((series) => ({
          label: series.label,
          stroke: series.colour,
          width: chart.kind === 'bars' ? 0 : 2,
          ...(series.dashed ? { dash: [5, 5] } : {}),
          ...(chart.kind === 'bars' ? { fill: series.colour } : {}),
          ...(kind.path ? { paths: kind.path } : {}),
          points: kind.points,
          spanGaps: true,
          value: (_, v) => short(v),
        })),
      ],
    };
    return new uPlot(options, chart.data, element);
  }

  const drawn = new Map();
  function drawAll() {
    for (const chart of charts) {
      const element = document.getElementById(chart.id);
      if (element === null) continue;
      drawn.get(chart.id)?.destroy();
      drawn.set(chart.id, draw(chart, element));
    }
    document.documentElement.dataset.charts = String(drawn.size);
  }

  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  addEventListener('beforeprint', drawAll);
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const plot = drawn.get(target.id);
      if (plot !== undefined && plot.width !== target.clientWidth && target.clientWidth > 0) {
        plot.setSize({ width: target.clientWidth, height: plot.height });
      }
    }
  });
  for (const chart of charts) {
    const element = document.getElementById(chart.id);
    if (element !== null) resized.observe(element);
  }
})();

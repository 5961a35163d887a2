// Shows what the stream says. Runs in the browser.
(() => {
  const { document, EventSource, liveChart, performance, setInterval, setTimeout, clearTimeout } = globalThis;
  const { figures, showPayments, showSystem } = globalThis;
  const { by, sideNames, withUnit, span, clock, text, show, element, replaceIfNew } = figures;

  let snapshot;
  const charts = [
    { id: 'rate', columns: ['legacyPerSecond', 'sagaPerSecond'], unit: '/s', label: 'Settled payments per second' },
    {
      id: 'latency',
      columns: ['legacyP95Ms', 'sagaP95Ms'],
      unit: 'ms',
      label: '95th percentile of latency in milliseconds',
    },
  ].map((chart) => ({
    ...chart,
    plot: liveChart(by(`chart-${chart.id}`), { onHover: () => legends() }),
  }));
  function legends() {
    if (snapshot === undefined) return;
    const { history, sides } = snapshot;
    for (const { id, columns, unit, plot, label } of charts) {
      const hovered = plot?.hovered() ?? null;
      const i = hovered ?? history.at.length - 1;
      const when = hovered === null ? 'now' : clock.format(history.at[i] * 1_000);
      const values = ['legacy', 'saga'].map((side, n) => [side, withUnit(history[columns[n]][i], unit)]);
      replaceIfNew(by(`legend-${id}`), [
        element('li', when),
        ...values
          .filter(([side]) => sides[side] !== null)
          .map(([side, value]) => {
            const item = element('li');
            item.append(element('span', undefined, `dot ${side}`), sides[side].engine, ' ', element('b', value));
            return item;
          }),
      ]);
      if (hovered === null) {
        by(`chart-${id}`).setAttribute(
          'aria-label',
          `${label}, now: ${values.map(([side, value]) => `${sideNames[side]} ${value}`).join(', ')}`,
        );
      }
    }
  }

  // The stream.

  let receivedAt;
  let source;
  let retry;
  const silenceMs = 4_000;

  function render(next) {
    snapshot = next;
    show('router', `router ${next.router.id}`);
    showPayments(next);
    showSystem(next);
    for (const { plot, columns } of charts) plot.show([next.history.at, ...columns.map((name) => next.history[name])]);
    legends();
  }

  function open() {
    clearTimeout(retry);
    source?.close();
    source = new EventSource('/console/events');
    source.onmessage = ({ data }) => {
      receivedAt = performance.now();
      render(JSON.parse(data));
      live();
    };
    source.onerror = () => {
      live();
      // A refusal closes the stream for good, a lost connection is tried again by the browser itself.
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, 3_000);
    };
  }

  let reopenedAt = performance.now();
  function live() {
    const age = receivedAt === undefined ? undefined : performance.now() - receivedAt;
    const lost =
      age === undefined
        ? source.readyState !== EventSource.CONNECTING || performance.now() > silenceMs
        : age > silenceMs || source.readyState !== EventSource.OPEN;
    const state = by('live-state');
    text(state, lost ? 'Connection lost' : age === undefined ? 'Connecting' : 'Live');
    state.className = `badge ${lost ? 'bad' : age === undefined ? '' : 'good'}`;
    show(
      'live-age',
      age === undefined
        ? lost
          ? 'no data yet'
          : ''
        : lost
          ? `data is ${span(age / 1_000)} old`
          : `updated ${clock.format(snapshot.at)}`,
    );
    document.querySelector('main').classList.toggle('stale', lost);
    // Half-open connections tell nobody: after a long silence the stream is opened anew.
    if (lost && performance.now() - Math.max(receivedAt ?? 0, reopenedAt) > 10_000) {
      reopenedAt = performance.now();
      open();
    }
  }

  open();
  setInterval(live, 1_000);
})();

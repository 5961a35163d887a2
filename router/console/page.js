// Shows what the stream says. Runs in the browser; all text from outside goes through textContent.
(() => {
  const { document, EventSource, liveChart, performance, setInterval, setTimeout, clearTimeout } = globalThis;
  const by = (id) => document.getElementById(id);
  const none = '–';
  const sideNames = { legacy: 'monolith', saga: 'saga' };

  // Figures as the report has them: three digits that count, thousands apart, the unit behind.
  const number = (value) => {
    if (value === null || value === undefined) return none;
    const size = Math.abs(value);
    const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
    return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
  };
  const withUnit = (value, unit) => (value === null || value === undefined ? none : `${number(value)}\u00a0${unit}`);
  const count = (value, limit) => (value > limit ? `more than ${number(limit)}` : number(value));
  const percent = (part, all) => (all > 0 ? `${((100 * part) / all).toFixed(1)}\u00a0%` : none);
  const span = (seconds) => {
    if (seconds === null || seconds === undefined) return none;
    const s = Math.round(seconds);
    if (s < 90) return `${s}\u00a0s`;
    if (s < 5_400) return `${Math.round(s / 60)}\u00a0min`;
    return s < 172_800 ? `${Math.round(s / 3_600)}\u00a0h` : `${Math.round(s / 86_400)}\u00a0days`;
  };
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });

  /** Touches the page only where it differs, so that a screen reader hears changes and nothing else. */
  const text = (element, value) => {
    if (element.textContent !== value) element.textContent = value;
  };
  const show = (id, value) => text(by(id), value);
  const element = (tag, value, className) => {
    const made = document.createElement(tag);
    if (value !== undefined) made.textContent = value;
    if (className) made.className = className;
    return made;
  };
  const replaceIfNew = (parent, children) => {
    const next = element('div');
    next.append(...children);
    if (next.innerHTML !== parent.innerHTML) parent.replaceChildren(...next.childNodes);
  };
  const facts = (id, rows) =>
    replaceIfNew(
      by(id),
      rows.flatMap(([name, value]) => [element('dt', name), element('dd', value)]),
    );
  const badge = (value, level) => element('span', value, `badge ${level}`);
  const figure = (id, value) =>
    replaceIfNew(by(id), [value instanceof globalThis.Node ? value : document.createTextNode(value)]);

  // ------------------------------------------------------------------ sections

  function showHeadline({ rollout, router, concerns }) {
    const [line, more] =
      router.pinned !== null
        ? [`Pinned to ${router.pinned}`, 'This router sends every payment there; it does not apply the rollout.']
        : rollout.emergency
          ? ['Every new payment goes to the monolith', 'Payments that had begun as a saga finish there.']
          : !rollout.enabled
            ? [
                'The saga side is switched off',
                `The ${rollout.percentage} % of the rollout count again when it is switched on.`,
              ]
            : rollout.stale
              ? ['Every new payment goes to the monolith', 'The rollout cannot be confirmed.']
              : [
                  `${rollout.percentage} % of users are on the saga side`,
                  'VIPs and denied users stay on the monolith; an order finishes where it began.',
                ];
    show('headline', line);
    show('headline-more', more);
    const words = { bad: 'Problem: ', warn: 'Notice: ' };
    replaceIfNew(
      by('concerns'),
      concerns.length === 0
        ? [element('li', rollout.emergency ? 'Nothing else needs attention' : 'Nothing needs attention', 'good')]
        : concerns.map((concern) => element('li', words[concern.level] + concern.text, concern.level)),
    );
  }

  function showRollback({ rollout, database }) {
    by('rollback').hidden = !rollout.emergency;
    if (!rollout.emergency) return;
    const row = database.figures?.rollout;
    show(
      'rollback-why',
      row?.emergency
        ? `since ${clock.format(new Date(row.changedAt))} by ${row.changedBy}: ${row.reason}`
        : "by this router's environment, PAYMENT_EMERGENCY_ROLLBACK",
    );
  }

  function showShare({ rollout, router, sides, decisions, windowSeconds }) {
    const [legacy, saga] = [sides.legacy?.decided ?? 0, sides.saga?.decided ?? 0];
    const all = legacy + saga;
    const applies = router.pinned === null && rollout.enabled && !rollout.emergency && !rollout.stale;
    const users = router.pinned !== null ? (sides.saga === null ? 0 : 100) : applies ? rollout.percentage : 0;
    const share = percent(saga, all);
    show(
      'share-window',
      router.pinned === null
        ? `to the saga: ${users}\u00a0% of users by configuration, ${share} of ${number(all)} payments in ${span(windowSeconds)}`
        : `pinned to ${router.pinned}: ${number(all)} payments in ${span(windowSeconds)}, whatever the rollout says`,
    );
    by('bars').setAttribute(
      'aria-label',
      `Saga: ${users} % of users by configuration, ${share} of the payments decided`,
    );
    const widths = {
      'bar-users-saga': users,
      'bar-users-legacy': 100 - users,
      'bar-paid-saga': all && (100 * saga) / all,
      'bar-paid-legacy': all && (100 * legacy) / all,
    };
    for (const [id, width] of Object.entries(widths)) by(id).style.width = `${width}%`;
    show('bar-users-label', router.pinned === null ? 'users by configuration' : 'users, pinned');
    show('decisions-window', `last ${span(windowSeconds)}`);
    if (decisions.length === 0) return;
    replaceIfNew(
      by('decisions'),
      [...decisions]
        .sort((a, b) => a.side.localeCompare(b.side) || a.reason.localeCompare(b.reason))
        .map(({ side, reason, recent, total }) => {
          const row = element('tr');
          const where = element('td');
          where.append(element('span', undefined, `dot ${side}`), sideNames[side]);
          const rule = element('td');
          rule.append(element('code', reason));
          row.append(rule, where, element('td', number(recent)), element('td', number(total)));
          return row;
        }),
    );
  }

  const answered = ({ outcomes }) => outcomes.good + outcomes.rejected + outcomes.bad;
  const ofAll = (pick) => (side) =>
    answered(side) === 0 ? '0' : `${number(pick(side))} (${percent(pick(side), answered(side))})`;
  const sideRows = [
    ['settled', (side) => side.settledPerSecond, '/s'],
    ['latency p50', (side) => withUnit(side.latencyMs.p50, 'ms')],
    ['latency p95', (side) => withUnit(side.latencyMs.p95, 'ms')],
    ['latency p99', (side) => withUnit(side.latencyMs.p99, 'ms')],
    ['paid', ofAll((side) => side.outcomes.good)],
    ['refused by rule', ofAll((side) => side.outcomes.rejected)],
    ['failed or late', ofAll((side) => side.outcomes.bad)],
    ['in work now', (side) => number(side.inFlight)],
  ];

  function showSides({ sides, rateSeconds, windowSeconds }) {
    show('sides-window', `this router: rate over ${span(rateSeconds)}, the rest over ${span(windowSeconds)}`);
    for (const side of ['legacy', 'saga']) show(`engine-${side}`, sides[side]?.engine ?? '');
    replaceIfNew(
      by('sides'),
      sideRows.map(([name, value, unit]) => {
        const row = element('tr', undefined, unit ? 'big' : '');
        const head = element('th', name);
        head.setAttribute('scope', 'row');
        row.append(head);
        for (const side of [sides.legacy, sides.saga]) {
          const cell = element('td', side === null ? none : unit ? number(value(side)) : value(side));
          if (unit && side !== null) cell.append(element('small', unit));
          row.append(cell);
        }
        return row;
      }),
    );
  }

  function showSystem({ rollout, router, database }) {
    const { figures, ageMs, reachable } = database;
    show(
      'database-age',
      ageMs === null
        ? 'the database has not answered yet'
        : reachable
          ? 'from the database'
          : `the database does not answer; these figures are ${span(ageMs / 1_000)} old`,
    );
    by('database-age').className = reachable ? 'meta' : 'badge bad';
    for (const id of ['system', 'routers-card']) by(id).classList.toggle('stale', !reachable);
    const ago = (seconds) => (seconds === null ? null : seconds + ageMs / 1_000);
    figure(
      'rollout-figure',
      rollout.emergency
        ? badge('rolled back', 'bad')
        : rollout.enabled
          ? `${rollout.percentage}\u00a0%`
          : badge('disabled', 'warn'),
    );
    const changed = figures?.rollout;
    facts('rollout', [
      ['version', String(rollout.version)],
      ...(rollout.emergency || !rollout.enabled ? [['configured', `${rollout.percentage}\u00a0%`]] : []),
      [
        'confirmed',
        rollout.ageMs === null ? 'never' : `${span(rollout.ageMs / 1_000)} ago${rollout.stale ? ', stale' : ''}`,
      ],
      ['lists', `${rollout.allowed} allowed, ${rollout.denied} denied`],
      ...(changed
        ? [
            ['changed', `${span(ago(changed.changedSecondsAgo))} ago by ${changed.changedBy}`],
            ['reason', changed.reason],
          ]
        : []),
      ...(router.pinned === null ? [] : [['applied', 'no, pinned']]),
    ]);
    if (!figures) return;
    const { sagas, delivery, verification } = figures;
    const limit = 20_000;
    figure('sagas-figure', count(sagas.running + sagas.compensating, limit));
    facts('sagas', [
      ['running', number(sagas.running)],
      ['compensating', number(sagas.compensating)],
      ['oldest', span(ago(sagas.oldestSeconds))],
      ['need a person', number(sagas.attention)],
    ]);
    figure('delivery-figure', count(delivery.undelivered, limit));
    facts('delivery', [
      ['oldest', span(ago(delivery.oldestSeconds))],
      ['given up on', count(delivery.deadLetters, limit)],
    ]);
    showVerification(verification, ago);
    showRouters(figures, changed?.version ?? rollout.version, router.id);
  }

  function showVerification(last, ago) {
    if (!last) {
      figure('verification-figure', badge('never', 'warn'));
      facts('verification', [['', 'none was recorded in this database: npm run verify -- --record']]);
      return;
    }
    const [word, level] =
      last.violations > 0 ? ['violated', 'bad'] : last.checked > 0 ? ['holds', 'good'] : ['nothing examined', 'warn'];
    figure('verification-figure', badge(word, level));
    facts('verification', [
      ['finished', `${span(ago(last.secondsAgo))} ago`],
      ['checked', `${number(last.checked)} orders`],
      ['violations', number(last.violations)],
      ...(last.codes.length > 0 ? [['broken', last.codes.join(', ')]] : []),
      ['mode', last.mode],
    ]);
  }

  function showRouters({ routers, workers }, version, own) {
    const silent = routers.filter((router) => router.silentSeconds > 10);
    const versions = [...new Set(routers.map((router) => router.version))].sort((a, b) => a - b);
    show(
      'routers-summary',
      `${routers.length} router${routers.length === 1 ? '' : 's'}, ${silent.length} silent, applying version ${versions.join(', ') || none} of ${version}; ` +
        `${workers.alive} worker${workers.alive === 1 ? '' : 's'} alive, ${workers.silent} silent`,
    );
    replaceIfNew(
      by('routers'),
      routers.map((router) => {
        const isSilent = router.silentSeconds > 10;
        const state = isSilent
          ? `silent for ${span(router.silentSeconds)}`
          : router.version === version
            ? 'up to date'
            : 'behind';
        const name = router.id === own ? `${router.id} (this one)` : router.id;
        return element(
          'li',
          `${name}, version ${router.version}, ${state}`,
          isSilent ? 'bad' : router.version === version ? '' : 'warn',
        );
      }),
    );
  }

  // ------------------------------------------------------------------ charts

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

  // ------------------------------------------------------------------ stream

  let receivedAt;
  let source;
  let retry;
  const silenceMs = 4_000;

  function render(next) {
    snapshot = next;
    show('router', `router ${next.router.id}`);
    showRollback(next);
    showHeadline(next);
    showShare(next);
    showSides(next);
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

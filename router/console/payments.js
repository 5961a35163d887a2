// The sections on payments: what is configured, where they go, how the sides do. Runs in the browser.
(() => {
  const { by, none, sideNames, number, withUnit, percent, span, clock, show, element, replaceIfNew } =
    globalThis.figures;

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

  globalThis.showPayments = (snapshot) => {
    showRollback(snapshot);
    showHeadline(snapshot);
    showShare(snapshot);
    showSides(snapshot);
  };
})();

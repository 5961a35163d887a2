// The sections on what is read from the database: rollout, sagas, deliveries, verification, routers. Runs in the browser.
(() => {
  const { by, none, number, count, span, show, element, replaceIfNew, facts, badge, figure } = globalThis.figures;

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

  globalThis.showSystem = showSystem;
})();

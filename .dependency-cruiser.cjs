/** Which folder may import which. Read it top to bottom: lower layers never look up. */
const internal = '^(domain|runtime|legacy|eventdriven|router|consistency|bench|dashboards|scripts|docs|test)/';
const unitTest = '\\.test\\.ts$';
const only = (from, allowed, comment) => ({
  name: `${from}-imports-only-${allowed.join('-') || 'itself'}`,
  severity: 'error',
  comment,
  // A unit test beside its source may furnish a database with test/support.
  from: { path: `^${from}/`, pathNot: unitTest },
  to: { path: internal, pathNot: [from, ...allowed].map((folder) => `^${folder}/`) },
});

module.exports = {
  forbidden: [
    only('domain', [], 'the rules know no engine, no driver, no framework'),
    only('runtime', ['domain'], 'implements the ports declared in domain/ports.ts'),
    only('legacy', ['domain', 'runtime'], 'an engine never sees another engine'),
    only('eventdriven', ['domain', 'runtime'], 'an engine never sees another engine'),
    only('router', ['domain', 'runtime', 'legacy', 'eventdriven'], 'engines only in engines.ts, see below'),
    only('consistency', ['domain', 'runtime'], 'invariants read rows, whoever wrote them'),
    only('bench', ['domain', 'runtime', 'consistency'], 'engines are black boxes to the bench: HTTP, /metrics, SQL'),
    only('dashboards', ['runtime', 'bench'], 'metric names and targets, see below'),
    {
      name: 'dashboards-know-metric-names-and-targets',
      severity: 'error',
      from: { path: '^dashboards/', pathNot: unitTest },
      to: { path: '^(runtime|bench)/', pathNot: '^(runtime/metrics|bench/kpi)\\.ts$' },
    },
    {
      name: 'router-meets-engines-only-in-engines-ts',
      severity: 'error',
      from: { path: '^router/', pathNot: ['^router/engines\\.ts$', unitTest] },
      to: { path: '^(legacy|eventdriven)/' },
    },
    {
      name: 'engines-are-entered-by-their-index',
      severity: 'error',
      from: { path: '^(router/engines\\.ts$|scripts/)' },
      to: { path: '^(legacy|eventdriven)/', pathNot: '^(legacy|eventdriven)/index\\.ts$' },
    },
    {
      name: 'domain-has-no-packages',
      severity: 'error',
      from: { path: '^domain/', pathNot: unitTest },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'core'] },
    },
    {
      name: 'no-test-code-in-production',
      severity: 'error',
      from: { pathNot: ['^(test|docs)/', unitTest] },
      to: { path: ['^test/', unitTest] },
    },
    {
      name: 'no-development-packages-in-production',
      severity: 'error',
      from: { path: '^(domain|runtime|legacy|eventdriven|router|consistency|bench|scripts)/', pathNot: unitTest },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(bench/results|\\.cache|dist|coverage)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'require', 'node', 'default'],
    },
  },
};

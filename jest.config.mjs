const folders = [
  'domain',
  'runtime',
  'legacy',
  'eventdriven',
  'router',
  'consistency',
  'bench',
  'dashboards',
  'scripts',
];

// Of the whole suite: a run that collects from a folder of its own choice has nothing to say about the others.
const ofOneFolder = process.argv.some((word) => word.startsWith('--collectCoverageFrom'));
const everyFolder = Object.fromEntries(folders.map((folder) => [`./${folder}/`, { lines: 80, branches: 80 }]));

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // A clock that a test sets and puts right again is a function of its own: Jest would wrap it for all files that follow, once for each.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/.cache/', '/bench/results/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.cache/', '<rootDir>/bench/results/'],
  watchman: false,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { swcrc: false, jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  reporters: ['default', '<rootDir>/test/support/last-line-reporter.mjs'],
  testTimeout: 20_000,
  coverageProvider: 'v8',
  coverageReporters: ['text', 'json-summary'],
  // A main.ts only composes; what it composes is tested where it lives. Files of nothing but types have no line to run.
  collectCoverageFrom: [
    `{${folders.join(',')}}/**/*.ts`,
    '!**/*.test.ts',
    '!**/*.d.ts',
    '!**/main.ts',
    '!domain/{ports,payment-engine}.ts',
    '!bench/load/driver.ts',
    '!bench/k6/payments.ts', // k6 runs it, not Node
    '!eventdriven/saga/saga.ts',
  ],
  coverageThreshold: ofOneFolder ? {} : everyFolder,
};

import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import jest from 'eslint-plugin-jest';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['dist/', 'coverage/', '.cache/', 'bench/results/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // `void promise` says that somebody else owns it; a bare one is a fault.
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }],
      // Express and event emitters take async handlers; what they must not do is reject, which their tests show.
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, properties: false } },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // A port may promise what one implementation of it can answer at once.
      '@typescript-eslint/require-await': 'off',
      // `query<Row>()` names the row's type once, as its result: that is what it is for.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // `(x = y)` in an arrow is how a lazily made value reads best; `() => void f()` likewise.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidOperator: true },
      ],
      // It takes a flag that changes while we wait (`signal.aborted`, `stopped`) for one that can't.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // Ports and builders are object literals of functions; none has a `this` to lose, and taking them apart is how they are used.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true, allowRethrowing: true }],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
    },
  },
  {
    // The classic format is what Grafana 10 and 11 read too; its successor needs 12.
    files: ['dashboards/src/dashboard.ts'],
    rules: {
      '@typescript-eslint/no-deprecated': [
        'error',
        {
          allow: [
            { from: 'package', name: ['Dashboard', 'DashboardBuilder'], package: '@grafana/grafana-foundation-sdk' },
          ],
        },
      ],
    },
  },
  {
    files: ['domain/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': ['error', 'process', 'console', 'Date', 'setTimeout', 'setInterval', 'performance'],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    extends: [jest.configs['flat/recommended']],
    rules: {
      // In a test the throw is the message.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Contract suites and properties expect inside functions of their own.
      'jest/expect-expect': ['error', { assertFunctionNames: ['expect*', 'assert*', 'fc.assert', '*.expect*'] }],
      // A test of every row of a table is a loop; what may not be there are tests that are switched off.
      'jest/no-conditional-expect': 'off',
      'jest/no-standalone-expect': 'off',
      'jest/valid-title': 'off',
      'jest/no-export': 'off',
      'jest/no-disabled-tests': 'error',
      'jest/no-focused-tests': 'error',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        module: 'writable',
        globalThis: 'readonly',
        fetch: 'readonly',
        AbortSignal: 'readonly',
      },
    },
  },
  prettier,
);

// The house rules that a linter can check. Imports point inward: LAYERS is the one place that says so.

import tseslint from 'typescript-eslint';

/** What each package may import of the others. */
const LAYERS = {
  'packages/core': [],
  'packages/hyperliquid': ['core'],
  'packages/runtime': ['core'],
  'packages/simulator': [],
  schemas: [],
  'packages/topics': ['core', 'hyperliquid', 'runtime', 'schemas'],
  'packages/sqlite': ['core', 'runtime', 'schemas', 'topics'],
  // The stack is for their tests.
  'packages/kafka': ['core', 'runtime', 'schemas', 'stack', 'topics'],
  'packages/redis': ['core', 'runtime', 'stack'],
  'packages/observe': ['core', 'runtime'],
  'packages/client': [],
  'packages/dashboard': ['client'],
  'infra/stack': [],
  'services/processor': ['core', 'kafka', 'redis', 'runtime'],
  'services/ingestor': ['core', 'hyperliquid', 'kafka', 'runtime', 'schemas', 'stack'],
  'services/gateway': ['client', 'core', 'dashboard', 'kafka', 'observe', 'runtime', 'schemas', 'sqlite', 'stack'],
  'packages/cli': ['client', 'core', 'dashboard', 'gateway', 'hyperliquid', 'kafka', 'observe', 'runtime', 'redis', 'schemas', 'simulator', 'sqlite', 'stack', 'topics', 'ingestor', 'processor'],
  'examples/typescript': ['client'],
  test: ['client', 'core', 'dashboard', 'gateway', 'hyperliquid', 'kafka', 'runtime', 'redis', 'schemas', 'simulator', 'sqlite', 'stack', 'topics', 'ingestor', 'processor'],
};
const PACKAGES = Object.keys(LAYERS).map((folder) => folder.split('/').at(-1));

const NOT_PURE = [
  { selector: 'AwaitExpression, :function[async=true]', message: 'The core is synchronous.' },
  { selector: 'MemberExpression[object.name="Math"][property.name="random"]', message: 'The core is deterministic.' },
  { selector: 'Identifier[name=/^(Date|performance|process|console|setTimeout|Buffer)$/]', message: 'The core knows no clock and no machine.' },
];

export default tseslint.config(
  { ignores: ['**/node_modules/**', '**/dist/**', '.fillstream/**'] },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-floating-promises': ['error', {
        allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] }],
      }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'max-lines': ['error', { max: 320, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70 }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidOperator: true, ignoreVoidReturningFunctions: true }],
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      eqeqeq: 'error',
    },
  },
  ...Object.entries(LAYERS).map(([folder, allowed]) => ({
    files: [`${folder}/**/*.{ts,tsx}`],
    rules: {
      'no-restricted-imports': ['error', {
        patterns: PACKAGES
          .filter((name) => !allowed.includes(name) && !folder.endsWith(name))
          .map((name) => ({ group: [name === 'cli' ? 'fillstream' : `@fillstream/${name}`, `@fillstream/${name}/*`], message: 'Imports point inward: see LAYERS.' })),
      }],
    },
  })),
  {
    files: ['packages/core/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-syntax': ['error', ...NOT_PURE] },
  },
  {
    files: ['**/*.test.ts', '**/test-*.ts', 'packages/runtime/src/contract/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      // Tests read JSON of their own making.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/consistent-type-assertions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': 'off',
    },
  },
);

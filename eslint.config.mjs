import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'coverage/**'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // a number in a message is what one expects it to be
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'named exports only: one name for one thing' }],
      'max-lines': ['error', { max: 300 }],
    },
  },
  {
    // Time, randomness and the environment come in as parameters; only commands and adapters read them.
    files: ['src/**/*.ts'],
    ignores: ['src/cli/**', 'src/main.ts', 'src/**/*-adapter.ts', 'src/base/clock.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'take a Clock as a parameter' },
        { object: 'Math', property: 'random', message: 'take a random source as a parameter' },
        { object: 'process', property: 'env', message: 'read the environment in cli/ only' },
      ],
    },
  },
  { files: ['vitest.config.ts', 'eslint.config.mjs'], rules: { 'no-restricted-syntax': 'off' } },
);

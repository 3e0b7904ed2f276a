import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: process.env['CI'] === undefined ? ['default'] : ['verbose'],
    projects: [
      { test: { name: 'unit', globalSetup: 'test/sshd-folder.ts', include: ['test/unit/**/*.test.ts', 'test/vectors/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/properties/**/*.test.ts', 'test/fuzz/**/*.test.ts'], testTimeout: 30_000 } },
      // one fleet for the whole run, started by the global set-up; files run one after the other
      { test: { name: 'lab', include: ['test/lab/**/*.test.ts'], fileParallelism: false, testTimeout: 180_000, hookTimeout: 240_000 } },
    ],
  },
});

import { defineConfig } from 'vitest/config';

/** The main job and the ways back, which have to hold on every generation of hosts: `npm run test:matrix`. */
const EVERY_GENERATION = ['main-job', 'undo', 'abandoned', 'renewal', 'sshd-refused', 'sshd-kinds', 'matrix/generation', 'matrix/penalties'].map((name) => `test/lab/${name}.test.ts`);
const onHosts = { fileParallelism: false, testTimeout: 180_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    reporters: process.env['CI'] === undefined ? ['default'] : ['verbose'],
    projects: [
      { test: { name: 'unit', globalSetup: 'test/sshd-folder.ts', include: ['test/unit/**/*.test.ts', 'test/vectors/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/properties/**/*.test.ts', 'test/fuzz/**/*.test.ts'], testTimeout: 30_000 } },
      // one fleet for the whole run, started by the global set-up; files run one after the other
      { test: { name: 'lab', include: ['test/lab/*.test.ts'], ...onHosts } },
      { test: { name: 'matrix', include: EVERY_GENERATION, ...onHosts } },
      { test: { name: 'mixed', include: ['test/lab/matrix/mixed.test.ts'], ...onHosts } },
      { test: { name: 'sysvinit', include: ['test/lab/matrix/sysvinit.test.ts'], ...onHosts } },
    ],
  },
});

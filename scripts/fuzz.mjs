// npm run fuzz -- [--runs N] [--seed N] [--target NAME] [--jobs N] [--input N] [--differential N]: see docs/fuzzing.md
import { spawnSync } from 'node:child_process';
import { root } from './setup.mjs';

const { status } = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), `${root}test/fuzz/run.ts`, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;

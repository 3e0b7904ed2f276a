// npm run lab -- up | list | ssh | down: a fleet of real hosts on this machine, to look at and to try things on.
import { spawnSync } from 'node:child_process';
import { asRoot, root, runMain, setUp } from './setup.mjs';

await runMain(() => {
  setUp({ build: false });
  return runInLab(process.argv.slice(2));
});

/** Calls the lab's own command line (test/lab/support/cli.ts) as root, on this terminal. Returns its exit code. */
function runInLab(args) {
  const [file, ...rest] = asRoot([process.execPath, '--import', import.meta.resolve('tsx'), `${root}test/lab/support/cli.ts`, ...args]);
  return spawnSync(file, rest, { stdio: 'inherit' }).status ?? 1;
}

// npm run lab -- up | list | ssh | down | images: a fleet of real hosts on this machine, to look at and to try things on.
import { spawnSync } from 'node:child_process';
import { asRoot, root, runMain, setUp } from './setup.mjs';

await runMain(() => {
  const args = process.argv.slice(2);
  setUp({ build: false, images: args.includes('images') || args.some((arg) => /^--image|=/.test(arg)) });
  return runInLab(args);
});

/** Calls the lab's own command line (test/lab/support/cli.ts) as root, on this terminal. Returns its exit code. */
function runInLab(args) {
  const [file, ...rest] = asRoot([process.execPath, '--import', import.meta.resolve('tsx'), `${root}test/lab/support/cli.ts`, ...args]);
  return spawnSync(file, rest, { stdio: 'inherit' }).status ?? 1;
}

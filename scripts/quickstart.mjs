// npm run quickstart [-- --keep]: sets this machine up, boots a throw-away fleet and brings it under a CA, as a story.
import { spawnSync } from 'node:child_process';
import { SetUpError, asRoot, root, runMain, setUp } from './setup.mjs';

await runMain(() => {
  const args = process.argv.slice(2);
  const unknown = args.find((arg) => arg !== '--keep');
  if (unknown !== undefined) throw new SetUpError(`usage: npm run quickstart [-- --keep]; there is no ${unknown}`);
  setUp();
  const [file, ...rest] = asRoot([process.execPath, '--import', import.meta.resolve('tsx'), `${root}scripts/quickstart/main.ts`, ...args]);
  return spawnSync(file, rest, { cwd: root, stdio: 'inherit' }).status ?? 1;
});

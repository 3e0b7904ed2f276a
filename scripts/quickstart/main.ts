import { mkdirSync } from 'node:fs';
import { startLab } from '../../test/lab/support/lab.ts';
import { makeWorkspace } from '../../test/lab/support/workspace.ts';
import { bringUnderTheAuthority, comeBack, environmentOf, keyFor, logIn } from './chapters.ts';
import { print, Story } from './story.ts';

const keep = process.argv.includes('--keep');
const story = new Story();

story.chapter('Three hosts boot', 'Real ones: each with its own systemd, sshd, address and disk, in a network of their own', 'that has no way out. One is staging, two are production.');
const lab = await startLab({ hosts: ['web-01.stg.lab.test', 'web-01.prd.lab.test', 'db-01.prd.lab.test'].map((name) => ({ name })) });
try {
  for (const host of lab.hosts) print(`     ${host.name.padEnd(20)} ${host.address}`);
  const base = `${lab.directory}/quickstart`;
  mkdirSync(base, { mode: 0o700 });
  const scene = { lab, story, workspace: await makeWorkspace(lab, base) };
  await bringUnderTheAuthority(scene);
  await logIn(scene);
  await comeBack(scene);
  process.exitCode = story.end() ? 0 : 1;
  if (keep) {
    await lab.keep();
    const { root, home } = scene.workspace;
    const inside = `sudo ip netns exec ${lab.namespace}`;
    print(
      '',
      'The fleet stays up. Log in with the certificates of the story, good for 16 hours:',
      ...lab.hosts.map((host) => `  ${inside} ssh -F none -i ${keyFor(scene.workspace, environmentOf(host))} -o UserKnownHostsFile=${home}/.ssh/known_hosts root@${host.name}`),
      'Run ensign on it in its workspace:',
      `  cd ${root} && ${inside} env HOME=${home} ${process.execPath} ${new URL('../../dist/ensign.js', import.meta.url).pathname} status -i inventories/staging.yaml`,
      'Take everything down with: npm run lab -- down',
    );
  } else {
    print('The fleet is taken down; `npm run quickstart -- --keep` leaves it up. Your own hosts are next: see README.md.');
  }
} finally {
  if (!keep || process.exitCode === undefined) await lab.down();
}
// helpers of the lab must not hold a finished story open
process.exit();

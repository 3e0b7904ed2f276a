import { spawn } from 'node:child_process';
import type { CommandResult } from '../../test/lab/support/command.ts';
import type { LabHost } from '../../test/lab/support/host.ts';
import type { Lab } from '../../test/lab/support/lab.ts';
import { inventoryOf, type TestWorkspace } from '../../test/lab/support/workspace.ts';
import { print, type Story } from './story.ts';

/** Who takes part: the fleet, the operator's folder, and the one who tells. */
export interface Scene {
  readonly lab: Lab;
  readonly workspace: TestWorkspace;
  readonly story: Story;
}

const STAGING = 'inventories/staging.yaml';
const PRODUCTION = 'inventories/production.yaml';

/** From an empty folder to three hosts under one authority, staging first. */
export async function bringUnderTheAuthority(scene: Scene): Promise<void> {
  const { lab, workspace, story } = scene;
  story.chapter('A workspace with two authorities', 'One key signs certificates of people, the other those of hosts; both are encrypted on disk.');
  story.command('ensign init ws --yes --new-passphrase-file passphrase', tidy(scene, workspace.init.stderr), 12);
  await ensign(scene, 'ca', 'show');

  story.chapter('What would happen', 'The inventories name the hosts, how to get in now, and who may log in by certificate.', 'plan shows every byte and changes nothing.');
  const [staging, ...production] = lab.hosts as [LabHost, ...LabHost[]];
  workspace.write(STAGING, await inventoryOf(lab, 'staging', [staging]));
  workspace.write(PRODUCTION, await inventoryOf(lab, 'production', production));
  await ensign(scene, 'plan', '-i', STAGING);

  story.chapter('Staging, then production', 'Each host is changed with a watchdog armed, and proved over new connections before the', 'change may stay. Nobody looks at a fingerprint: the inventory pins the keys.');
  for (const [name, file] of [['staging', STAGING], ['production', PRODUCTION]] as const) {
    await story.show(`${name} is under the authority`, 'ensign apply, proved from outside', async () => (await ensign(scene, 'apply', '-i', file, '--yes')).code === 0);
  }
  await story.show('a second apply changes nothing', 'ensign apply again', async () => (await ensign(scene, 'apply', '-i', PRODUCTION, '--yes')).stdout.includes('2 unchanged'));
}

/** The stock client, a fresh certificate, and a known_hosts file with nothing but the authority in it. */
export async function logIn(scene: Scene): Promise<void> {
  const { lab, workspace, story } = scene;
  story.chapter('A laptop learns the fleet in one line', 'This is the whole known_hosts file; it ends fingerprint questions for every host of the fleet.');
  await ensign(scene, 'known-hosts', '-i', STAGING, PRODUCTION, '--install', `${workspace.home}/.ssh/known_hosts`);
  const { stdout } = await lab.exec(['cat', `${workspace.home}/.ssh/known_hosts`]);
  story.command('cat ~/.ssh/known_hosts', stdout);

  story.chapter('The stock ssh client logs in', 'StrictHostKeyChecking=yes, BatchMode=yes, no authorized_keys entry, no agent.');
  for (const environment of ['staging', 'production']) {
    await lab.exec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'you@laptop', '-f', keyFor(workspace, environment)]);
    await ensign(scene, 'ca', 'sign', '--profile', 'user', '--environment', environment, '--principal', 'sre', `${keyFor(workspace, environment)}.pub`);
  }
  for (const host of lab.hosts) {
    await story.show(`ssh root@${host.name}`, 'fresh certificate, strict host key checking', async () => {
      const { code, stdout, stderr } = await stockSsh(scene, environmentOf(host), `root@${host.name}`, 'hostname');
      return code === 0 && stdout.trim() === host.name && stderr === '';
    });
  }
  const production = lab.host('db-01.prd.lab.test');
  await story.show('a staging certificate is refused in production', 'its principal is staging/sre', async () => {
    const { code, stderr } = await stockSsh(scene, 'staging', `root@${production.name}`, 'true');
    story.command(`ssh -i id_staging root@${production.name}`, stderr);
    return code === 255 && stderr.includes('Permission denied');
  });
}

/** Two changes that must not stay: one that fails its proof, and one whose operator dies in the middle. */
export async function comeBack(scene: Scene): Promise<void> {
  const { lab, workspace, story } = scene;
  const host = lab.host('db-01.prd.lab.test');
  const before = await snapshot(host);

  story.chapter('A change that breaks a host comes back', `The shell of login dana on ${host.name} is gone, and now the inventory promises dana`, 'logins by certificate. sshd -t has no objection; the proof has.');
  await host.must('usermod -s /bin/gone dana');
  workspace.write(PRODUCTION, await inventoryOf(lab, 'production', [host], { logins: '{ root: [sre], deploy: [sre, deployers], dana: [dba] }' }));
  await story.show('a change that fails its proof is undone at once', 'every file as before, sshd reloaded', async () => {
    const { code } = await ensign(scene, 'apply', '-i', PRODUCTION, '--yes');
    return code === 4 && (await snapshot(host)) === before && (await stockSsh(scene, 'production', `root@${host.name}`, 'true')).code === 0;
  });
  await host.must('usermod -s /bin/bash dana');

  story.chapter('The operator dies in the middle', 'The same change, now a sound one. Its operator is killed (SIGKILL) the moment the host has', 'taken the new files; nobody is left to confirm them. The host waits 5 seconds and undoes.');
  await story.show('an abandoned change undoes itself', 'a watchdog on the host, 5 s', async () => {
    await killedInTheMiddle(scene, host);
    await host.must('until ls /var/lib/ensign/transactions/*/rolled-back && ! [ -d /var/lib/ensign/lock ]; do sleep 0.1; done 2>/dev/null', { timeoutMs: 60_000 });
    story.command(`cat /var/lib/ensign/transactions/*/log   # on ${host.name}`, await host.must('cat /var/lib/ensign/transactions/*/log'));
    return (await snapshot(host)) === before && (await stockSsh(scene, 'production', `root@${host.name}`, 'true')).code === 0;
  });
  await story.show('the next apply goes through without hands', 'ensign apply', async () => (await ensign(scene, 'apply', '-i', PRODUCTION, '--yes')).code === 0);
  await story.show('the fleet serves what was installed', 'ensign status', async () => (await ensign(scene, 'status', '-i', PRODUCTION)).code === 0);
}

async function ensign({ workspace, story }: Scene, ...args: readonly string[]): Promise<CommandResult> {
  const result = await workspace.ensign(...args);
  story.command(`ensign ${args.join(' ').replaceAll(workspace.home, '~')}`, tidy({ workspace }, result.stdout === '' ? result.stderr : result.stdout));
  return result;
}

// the story plays in a folder of the lab's; a reader thinks of a home
function tidy({ workspace }: Pick<Scene, 'workspace'>, text: string): string {
  return text.replaceAll(workspace.home, '~').replaceAll(workspace.root, 'ws');
}

function stockSsh({ workspace }: Scene, environment: string, target: string, ...command: readonly string[]): Promise<CommandResult> {
  const options = ['-i', keyFor(workspace, environment), '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${workspace.home}/.ssh/known_hosts`];
  return workspace.ssh(options, target, ...command);
}

async function killedInTheMiddle({ lab, workspace }: Scene, host: LabHost): Promise<void> {
  const program = new URL('../../dist/ensign.js', import.meta.url).pathname;
  const child = spawn('ip', ['netns', 'exec', lab.namespace, process.execPath, program, 'apply', '-i', PRODUCTION, '--yes', '--undo-after', '5s'], {
    cwd: workspace.root,
    env: { PATH: process.env['PATH'], HOME: workspace.home },
    stdio: 'ignore',
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  await host.must('until ls /var/lib/ensign/transactions/*/armed && [ -e /etc/ssh/ensign/principals/dana ]; do sleep 0.01; done 2>/dev/null', { timeoutMs: 60_000 });
  child.kill('SIGKILL');
  await gone;
  print('     the host has the new files, and its operator is dead');
}

/** Everything that decides how sshd behaves, in one digest. */
function snapshot(host: LabHost): Promise<string> {
  return host.must(`{ find /etc/ssh -printf '%p %m %u %l\\n' | sort; find /etc/ssh -type f -exec sha256sum {} + | sort; sshd -T; } | sha256sum`);
}

/** Lab names say where a host belongs. */
export function environmentOf(host: LabHost): string {
  return host.name.includes('.prd.') ? 'production' : 'staging';
}

/** The key of the story's laptop for an environment. */
export function keyFor(workspace: TestWorkspace, environment: string): string {
  return `${workspace.home}/.ssh/id_${environment}`;
}

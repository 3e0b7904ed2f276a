import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from './support/command.ts';
import { inventoryText, reported } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { useLab } from './support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let workspace: TestWorkspace;
let host: LabHost;
const STAGING = 'inventories/staging.yaml';

beforeAll(async () => {
  host = await lab.addHost({ name: 'renew-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}`, { [host.name]: `address: ${host.address}, hostKey: "${await fingerprintOf(lab, host)}"` }));
});

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
});

async function served(): Promise<{ serial: string; secondsLeft: number }> {
  const { stdout } = await workspace.ensign('scan', host.name, '--json');
  const { hosts } = JSON.parse(stdout) as { hosts: { certificate: { serial: string; secondsLeft: number } }[] };
  const [found] = hosts;
  if (found === undefined) throw new Error(stdout);
  return found.certificate;
}

/** As if three weeks of a month had passed: the same certificate from the same authority with other dates, as ensign recorded it. */
async function growOld(): Promise<void> {
  const path = '/etc/ssh/ensign/ssh_host_ed25519_key-cert.pub';
  const key = workspace.write('host.pub', `${(await host.hostKeys()).ed25519}\n`);
  const passphrase = readFileSync(join(workspace.root, '../passphrase'), 'utf8').trim();
  const names = [host.name, host.address, 'renew-01'].join(',');
  await must(['ssh-keygen', '-q', '-s', join(workspace.root, 'ca/host_ca'), '-P', passphrase, '-h', '-I', 'old', '-z', '4711', '-n', names, '-V', '-21d:+9d', key]);
  await host.writeFile(path, workspace.read('host-cert.pub'));
  const state = JSON.parse(await host.readFile('/var/lib/ensign/state.json')) as { files: Record<string, string> };
  state.files[path] = createHash('sha256').update(workspace.read('host-cert.pub')).digest('hex');
  await host.writeFile('/var/lib/ensign/state.json', JSON.stringify(state));
  await host.must('systemctl reload ssh');
}

test('a certificate past two thirds of its life is due: exit 3 from status and plan', async () => {
  expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
  await growOld();
  const status = await workspace.ensign('status', '-i', STAGING, '--json');
  expect(JSON.parse(status.stdout)).toMatchObject({ hosts: [{ verdict: 'due' }] });
  expect(status.code).toBe(3);
  const plan = await workspace.ensign('plan', '-i', STAGING, '--exit-code');
  expect(plan.stdout).toContain('two thirds of its life have passed');
  expect(plan.code).toBe(3);
});

test('apply renews it, and the new one is served', async () => {
  const before = await served();
  expect(before).toMatchObject({ serial: '4711' });
  const { code, stdout } = await workspace.ensign('apply', '-i', STAGING, '--yes', '--json');
  const { hosts } = JSON.parse(stdout) as { hosts: { summary: string; serials: Record<string, string> }[] };
  expect(hosts[0]?.summary).toBe('1 certificate; logins proved: root, deploy');
  expect(code).toBe(0);
  const after = await served();
  expect(after.serial).not.toBe(before.serial);
  expect(after.serial).toBe(hosts[0]?.serials['/etc/ssh/ensign/ssh_host_ed25519_key-cert.pub']);
  expect(after.secondsLeft).toBeGreaterThan(29 * 86_400);
});

test('then nothing is due', async () => {
  expect(await workspace.ensign('status', '-i', STAGING)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^renew-01\.stg\.lab\.test +good +29d /m) as string });
  expect(await workspace.ensign('apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, stdout: expect.stringContaining('1 unchanged') as string });
});

test('a host key that was replaced is certified anew', async () => {
  const before = await served();
  await host.must(`rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh`);
  workspace.write(STAGING, workspace.read(STAGING).replace(/SHA256:[^"]+/, await fingerprintOf(lab, host)));
  const status = await workspace.ensign('status', '-i', STAGING, '--json');
  expect(status.code).not.toBe(0);
  expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed', summary: '1 certificate; logins proved: root, deploy' }] });
  expect((await served()).serial).not.toBe(before.serial);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inventoryText, issuedCount, reported, snapshot } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { DANA_PASSWORD } from './support/lab.ts';
import { useLab } from './support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

// what an inventory says beyond names and ports, as it comes out on a host

const lab = useLab();
let host: LabHost;
let workspace: TestWorkspace;
let folder: string;
let pin: string;

beforeAll(async () => {
  host = await lab.addHost({ name: 'said-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  folder = mkdtempSync(join(tmpdir(), 'ensign-said-'));
  pin = `hostKey: "${await fingerprintOf(lab, host)}"`;
});

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes an inventory of the one host; returns its path in the workspace. */
function inventory(user: string, settings = ''): string {
  const defaults = `user: ${user}, become: doas, identityFile: ${lab.operatorKey}`;
  workspace.write('inventories/staging.yaml', inventoryText('staging', defaults, { [host.name]: `address: ${host.address}, ${pin}${settings}` }));
  return 'inventories/staging.yaml';
}

/** Makes a principals file differ from what was installed, so that an apply with --adopt has one thing to do. */
async function disturb(): Promise<void> {
  await host.must('echo staging/intruder >>/etc/ssh/ensign/principals/root');
}

describe('become: doas', () => {
  async function fails(user: string, ...args: readonly string[]): Promise<unknown> {
    const before = { host: await snapshot(host), issued: issuedCount(workspace) };
    const { code, hosts } = await reported(workspace, 'apply', '-i', inventory(user), '--yes', ...args);
    expect(code).toBe(4);
    expect({ host: await snapshot(host), issued: issuedCount(workspace) }).toEqual(before);
    return hosts;
  }

  test('without a doas.conf: refused, named, nothing changed', async () => {
    expect(await fails('ops')).toMatchObject([{ outcome: 'failed', code: 'ssh/doas-password-needed', hint: expect.stringContaining('permit nopass ops as root') as string }]);
  });

  test('that wants a password cannot be answered, is told so at once, and gets no password', async () => {
    await host.must("printf 'permit dana as root\\n' >/etc/doas.conf; chmod 0400 /etc/doas.conf");
    const file = join(folder, 'password');
    writeFileSync(file, `${DANA_PASSWORD}\n`, { mode: 0o600 });
    expect(await fails('dana', '--become-password-file', file)).toMatchObject([{ outcome: 'failed', code: 'ssh/doas-password-needed', hint: expect.stringContaining('permit nopass dana as root') as string }]);
    await host.must('journalctl --sync');
    expect(await host.must('journalctl -q --no-pager')).not.toContain(DANA_PASSWORD);
  });

  test('that is not installed is told from one that refuses', async () => {
    await host.must('mv /usr/bin/doas /usr/bin/doas.away');
    expect(await fails('ops')).toMatchObject([{ outcome: 'failed', code: 'ssh/doas-denied' }]);
    await host.must('mv /usr/bin/doas.away /usr/bin/doas');
  });

  test('that lets the login through changes the host, and a second time nothing', async () => {
    await host.must("printf 'permit nopass ops as root\\n' >/etc/doas.conf");
    // nobody can be root by sudo while this runs
    await host.must('mv /usr/bin/sudo /usr/bin/sudo.away');
    expect(await reported(workspace, 'apply', '-i', inventory('ops'), '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
    expect(await reported(workspace, 'apply', '-i', inventory('ops'), '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'unchanged' }] });
    await host.must('mv /usr/bin/sudo.away /usr/bin/sudo');
  });
});

describe('profile', () => {
  const leftOf = async (file: string): Promise<number> => {
    const { stdout } = await workspace.ensign('status', '-i', file, '--json');
    return (JSON.parse(stdout) as { hosts: { served: { secondsLeft: number } }[] }).hosts[0]?.served.secondsLeft ?? 0;
  };
  const DAY = 86_400;

  test('decides by which limits the certificate is issued', async () => {
    const file = inventory('ops');
    expect(await leftOf(file)).toBeGreaterThan(29 * DAY);
    workspace.write('ensign.yaml', workspace.read('ensign.yaml').replace('profiles: {}', 'profiles:\n  short: { type: host, ttl: 7d, maxTtl: 7d }'));
    await host.must('rm -f /etc/ssh/ensign/*-cert.pub /etc/ssh/*-cert.pub');
    expect(await reported(workspace, 'apply', '-i', inventory('ops', ', profile: short'), '--yes', '--adopt')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
    const left = await leftOf(file);
    expect(left).toBeGreaterThan(6 * DAY);
    expect(left).toBeLessThanOrEqual(7 * DAY);
  });

  test('that does not exist ends the run before any connection', async () => {
    await disturb();
    const before = await snapshot(host);
    const { code, stderr } = await workspace.ensign('apply', '-i', inventory('ops', ', profile: shrt'), '--yes', '--adopt');
    expect(code).toBe(2);
    expect(stderr).toContain('[inventory/unknown-profile]');
    expect(stderr).toContain('did you mean "short"?');
    expect(await snapshot(host)).toBe(before);
  });
});

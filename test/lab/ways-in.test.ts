import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inventoryText, issuedCount, reported, reportOf, snapshot } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { DANA_PASSWORD } from './support/lab.ts';
import { useLab } from './support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let host: LabHost;
let workspace: TestWorkspace;
let folder: string;
let pin: string;

beforeAll(async () => {
  host = await lab.addHost({ name: 'ways-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  folder = mkdtempSync(join(tmpdir(), 'ensign-ways-'));
  pin = `hostKey: "${await fingerprintOf(lab, host)}"`;
});

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes an inventory of the one host; returns its path in the workspace. */
function inventory(defaults: string, settings = pin): string {
  workspace.write('inventories/staging.yaml', inventoryText('staging', defaults, { [host.name]: `address: ${host.address}${settings === '' ? '' : `, ${settings}`}` }));
  return 'inventories/staging.yaml';
}

/** Makes a principals file differ from what was installed, so that an apply with --adopt has one thing to do. */
async function disturb(): Promise<void> {
  await host.must('echo staging/intruder >>/etc/ssh/ensign/principals/root');
}

function secretFile(name: string, content: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content, { mode });
  return path;
}

describe('sudo with a password', () => {
  const asDana = (): string => inventory(`user: dana, become: sudo, identityFile: ${lab.operatorKey}`);

  async function fails(...args: readonly string[]): Promise<unknown> {
    const before = { host: await snapshot(host), issued: issuedCount(workspace) };
    const { code, hosts } = await reported(workspace, 'apply', '-i', asDana(), '--yes', ...args);
    expect(code).toBe(4);
    expect({ host: await snapshot(host), issued: issuedCount(workspace) }).toEqual(before);
    return hosts;
  }

  test('without one: refused, named, nothing changed', async () => {
    expect(await fails()).toMatchObject([{ outcome: 'failed', code: 'ssh/sudo-password-needed' }]);
  });

  test('with a wrong one: refused, named, nothing changed, and the password is printed nowhere', async () => {
    const file = secretFile('wrong', 'canary-c0ffee\n');
    expect(await fails('--become-password-file', file)).toMatchObject([{ outcome: 'failed', code: 'ssh/sudo-password-wrong' }]);
    const { stdout, stderr } = await workspace.ensign('apply', '-i', asDana(), '--yes', '--become-password-file', file);
    expect(stdout + stderr).not.toContain('canary-c0ffee');
  });

  test('with a file that others can read: refused before any connection', async () => {
    const { code, stdout, stderr } = await workspace.ensign('apply', '-i', asDana(), '--yes', '--become-password-file', secretFile('open', `${DANA_PASSWORD}\n`, 0o644));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('[ca/unsafe-permissions]');
    expect(stderr).toContain('chmod 600');
  });

  test('with the right one the host is changed', async () => {
    const { code, hosts } = await reported(workspace, 'apply', '-i', asDana(), '--yes', '--become-password-file', secretFile('right', `${DANA_PASSWORD}\n`));
    expect(hosts).toMatchObject([{ outcome: 'changed' }]);
    expect(code).toBe(0);
  });

  test('is not left on the host', async () => {
    await host.must('journalctl --sync');
    expect(await host.must('journalctl -q --no-pager; cat /var/lib/ensign/state.json')).not.toContain(DANA_PASSWORD);
  });
});

describe('without sudo', () => {
  test('root needs none', async () => {
    await disturb();
    const { hosts } = await reported(workspace, 'apply', '-i', inventory(`user: root, become: none, identityFile: ${lab.operatorKey}`), '--yes', '--adopt');
    expect(hosts).toMatchObject([{ outcome: 'changed' }]);
  });

  test('root may say sudo all the same', async () => {
    const { hosts } = await reported(workspace, 'apply', '-i', inventory(`user: root, become: sudo, identityFile: ${lab.operatorKey}`), '--yes');
    expect(hosts).toMatchObject([{ outcome: 'unchanged' }]);
  });

  test('somebody else is told so, and nothing is tried', async () => {
    const before = await snapshot(host);
    const { code, hosts } = await reported(workspace, 'apply', '-i', inventory(`user: ops, become: none, identityFile: ${lab.operatorKey}`), '--yes', '--adopt');
    expect(hosts).toMatchObject([{ outcome: 'failed', code: 'host/not-root', hint: expect.stringContaining('become: sudo') as string }]);
    expect(code).toBe(4);
    expect(await snapshot(host)).toBe(before);
  });

  test('a login that does not exist is refused', async () => {
    const { code, hosts } = await reported(workspace, 'apply', '-i', inventory(`user: nobody-here, become: sudo, identityFile: ${lab.operatorKey}`), '--yes');
    expect(hosts).toMatchObject([{ outcome: 'failed', code: 'ssh/auth-failed' }]);
    expect(code).toBe(4);
  });
});

describe('an ssh-agent', () => {
  let env: Record<string, string>;
  let stop: () => Promise<unknown>;

  beforeAll(async () => {
    const socket = join(folder, 'agent');
    const { stdout } = await lab.exec(['ssh-agent', '-a', socket]);
    const pid = /SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1] ?? '';
    env = { SSH_AUTH_SOCK: socket };
    stop = () => lab.exec(['kill', pid]);
    // the one that opens the host comes last
    for (const type of ['rsa', 'ecdsa', 'ed25519']) {
      await lab.exec(['ssh-keygen', '-q', '-t', type, '-N', '', '-f', join(folder, `agent_${type}`)]);
      await lab.exec(['ssh-add', '-q', join(folder, `agent_${type}`)], { env: { ...process.env, ...env } });
    }
    await lab.exec(['ssh-add', '-q', lab.operatorKey], { env: { ...process.env, ...env } });
  });

  afterAll(() => stop());

  test('is used where no key is named, whichever of its keys opens the host', async () => {
    await disturb();
    const { hosts } = reportOf(await workspace.ensignWith({ env }, 'apply', '-i', inventory('user: ops, become: sudo'), '--yes', '--adopt', '--json'));
    expect(hosts).toMatchObject([{ outcome: 'changed' }]);
  });

  test('is not used where the inventory says no', async () => {
    const { code, hosts } = reportOf(await workspace.ensignWith({ env }, 'apply', '-i', inventory('user: ops, become: sudo, agent: false'), '--yes', '--json'));
    expect(hosts).toMatchObject([{ outcome: 'failed', code: 'ssh/no-credential', hint: expect.stringContaining('--identity') as string }]);
    expect(code).toBe(4);
  });

  test('opens an encrypted key that is named, and offers no other', async () => {
    const path = join(folder, 'encrypted');
    writeFileSync(path, readFileSync(lab.operatorKey), { mode: 0o600 });
    expect(await lab.exec(['ssh-keygen', '-q', '-p', '-P', '', '-N', 'a long passphrase', '-f', path])).toMatchObject({ code: 0 });
    await host.must('echo "LogLevel VERBOSE\nMaxAuthTries 1" >/etc/ssh/sshd_config.d/99-log.conf; systemctl reload ssh');
    const plan = (variables: Record<string, string>): ReturnType<TestWorkspace['ensign']> => workspace.ensignWith({ env: variables }, 'plan', '-i', inventory(`user: ops, become: sudo, identityFile: ${path}`));
    const closed = await plan({});
    expect(closed).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('[ssh/key-passphrase-needed]') as string });
    expect(closed.stderr).toContain('ssh-add');
    const open = await plan(env);
    expect(open).toMatchObject({ code: 0, stderr: expect.not.stringContaining('failed') as string });
    await host.must('rm /etc/ssh/sshd_config.d/99-log.conf; systemctl reload ssh');
  });
});

describe('a user certificate', () => {
  test('beside the key opens a host that has no authorized_keys', async () => {
    await host.must('mv /root/.ssh/authorized_keys /root/.ssh/away');
    const key = join(folder, 'sre');
    await lab.exec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const defaults = `user: root, become: none, identityFile: ${key}`;
    expect(await reported(workspace, 'plan', '-i', inventory(defaults))).toMatchObject({ code: 4, hosts: [{ error: { code: 'ssh/auth-failed' } }] });
    await workspace.ensign('ca', 'sign', '--environment', 'staging', '--principal', 'sre', `${key}.pub`);
    await disturb();
    expect(await reported(workspace, 'apply', '-i', inventory(defaults), '--yes', '--adopt')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
    await host.must('mv /root/.ssh/away /root/.ssh/authorized_keys');
  });

  test('of another environment does not, and the error says what was offered', async () => {
    const key = join(folder, 'prd');
    await lab.exec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await workspace.ensign('ca', 'sign', '--environment', 'production', '--principal', 'sre', `${key}.pub`);
    const { code, hosts } = await reported(workspace, 'apply', '-i', inventory(`user: root, become: none, identityFile: ${key}`), '--yes');
    expect(hosts).toMatchObject([{ outcome: 'failed', code: 'ssh/auth-failed', hint: expect.stringContaining('certificate') as string }]);
    expect(code).toBe(4);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { typing } from '../support/at-terminal.ts';
import { inventoryText, reported, reportOf, type Report } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { DANA_PASSWORD } from './support/lab.ts';
import { useLab } from './support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

// Passwords and questions of a real sshd with PAM.

const lab = useLab();
let host: LabHost;
let workspace: TestWorkspace;
let folder: string;
let pin: string;
let right: string;
let wrong: string;

beforeAll(async () => {
  host = await lab.addHost({ name: 'cred-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  folder = mkdtempSync(join(tmpdir(), 'ensign-cred-'));
  pin = await fingerprintOf(lab, host);
  right = secretFile('right', `${DANA_PASSWORD}\n`);
  wrong = secretFile('wrong', 'canary-c0ffee\n');
});

afterEach(() => host.must('rm -f /etc/ssh/sshd_config.d/10-test.conf; cp -n /etc/pam.d/sshd /root/pam; cp /root/pam /etc/pam.d/sshd; systemctl reload ssh'));

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
  rmSync(folder, { recursive: true, force: true });
});

function secretFile(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

function inventory(defaults = 'user: dana, become: sudo, agent: false'): string {
  workspace.write('inventories/staging.yaml', inventoryText('staging', defaults, { [host.name]: `address: ${host.address}, hostKey: "${pin}"` }));
  return 'inventories/staging.yaml';
}

/** How dana has to log in from now on. */
async function danaNeeds(methods: string): Promise<void> {
  const config = `KbdInteractiveAuthentication yes\nPasswordAuthentication yes\nMatch User dana\n  AuthenticationMethods ${methods}\n`;
  await host.must('cp -n /etc/pam.d/sshd /root/pam; cat >/etc/ssh/sshd_config.d/10-test.conf; sshd -t; systemctl reload ssh', { input: config });
}

/** PAM asks for the password, and then for an address (pam_ftp(8)), as others ask for a code. */
async function askTwice(): Promise<void> {
  await host.must("sed -i 's/^@include common-auth/auth required pam_unix.so\\nauth required pam_ftp.so users=dana ignore/' /etc/pam.d/sshd");
}

function plan(...args: readonly string[]): Promise<Report> {
  return reported(workspace, 'plan', '-i', inventory(), '--become-password-file', right, ...args);
}

/** The code of the one host's error. */
async function code(...args: readonly string[]): Promise<string | undefined> {
  const { hosts, stderr } = await plan(...args);
  expect(JSON.stringify(hosts) + stderr).not.toMatch(/canary|p a'ss/);
  return hosts[0]?.error?.code;
}

/** Lines of the host's log since a moment that match. */
async function logged(since: string, pattern: string): Promise<number> {
  return Number(await host.must('journalctl --sync; journalctl -q --no-pager --since "@$1" | grep -c -- "$2" || true', { args: [since, pattern] }));
}

const now = async (): Promise<string> => (await host.must('date +%s')).trim();

describe.each([['password'], ['keyboard-interactive:pam']])('a host that lets in by %s', (method) => {
  test('with the right password', async () => {
    await danaNeeds(method);
    expect((await plan('--password-file', right)).hosts).toMatchObject([{ status: 'change' }]);
  });

  test('with a wrong one: one failed login in its log, and a code', async () => {
    await danaNeeds(method);
    const since = await now();
    expect(await code('--password-file', wrong)).toBe('ssh/password-wrong');
    expect(await logged(since, 'authentication failure;')).toBe(1);
  });

  test('without any, and nobody to ask', async () => {
    await danaNeeds(method);
    expect(await code()).toBe('ssh/no-credential');
    const { hosts } = reportOf(await workspace.ensign('plan', '-i', inventory('user: dana, become: sudo, agent: false'), '--identity', lab.operatorKey, '--json'));
    expect(hosts).toMatchObject([{ error: { code: 'ssh/auth-failed', hint: expect.stringContaining('--ask-password') as string } }]);
  });

  test('asked at a terminal, because it takes nothing else', async () => {
    await danaNeeds(method);
    const { screen } = await workspace.typed(typing([/\(dana@cred-01\S*\) [Pp]assword:/, `${DANA_PASSWORD}\r`]), 'plan', '-i', inventory(), '--become-password-file', right);
    expect(screen).toContain('1 host: 1 change');
    expect(screen).not.toContain(DANA_PASSWORD);
  });
});

describe.each([['publickey,password'], ['publickey,keyboard-interactive:pam']])('a host that wants %s', (methods) => {
  test('gets both, and says what is missing where there is one', async () => {
    await danaNeeds(methods);
    expect((await plan('--identity', lab.operatorKey, '--password-file', right)).hosts).toMatchObject([{ status: 'change' }]);
    expect(await code('--identity', lab.operatorKey)).toBe('ssh/second-step-needed');
    expect(await code('--identity', lab.operatorKey, '--password-file', wrong)).toBe('ssh/password-wrong');
  });
});

test('a jump host gets the same password, when it asks for it, as the host behind it', async () => {
  await danaNeeds('keyboard-interactive:pam');
  // it stands before itself
  const jump = `{ address: ${host.address}, user: dana, agent: false, hostKey: "${pin}" }`;
  workspace.write('inventories/behind.yaml', inventoryText('staging', `user: dana, become: sudo, agent: false, jump: [${jump}]`, { [host.name]: `address: 127.0.0.1, hostKey: "${pin}"` }));
  const behind = (...args: readonly string[]): Promise<Report> => reported(workspace, 'plan', '-i', 'inventories/behind.yaml', '--become-password-file', right, ...args);
  const since = await now();
  expect((await behind('--password-file', right)).hosts).toMatchObject([{ status: 'change' }]);
  expect(await logged(since, 'Accepted keyboard-interactive/pam')).toBe(2);
  expect((await behind('--password-file', wrong)).hosts).toMatchObject([{ error: { code: 'ssh/password-wrong' } }]);
});

describe('a host that asks twice', () => {
  test('at a terminal', async () => {
    await danaNeeds('keyboard-interactive:pam');
    await askTwice();
    const first = [/\(dana@cred-01\S*\) Password:/, `${DANA_PASSWORD}\r`] as const;
    const second = [/\(dana@cred-01\S*\) Guest login ok/, 'dana@example.com\r'] as const;
    const args = ['plan', '-i', inventory(), '--become-password-file', right];
    const both = await workspace.typed(typing(first, second), ...args);
    expect(both.screen).toMatch(/Password:[^]*Guest login ok[^]*1 host: 1 change/);
    // the file answers the first
    const one = await workspace.typed(typing(second), ...args, '--password-file', right);
    expect(one.screen).toMatch(/Guest login ok[^]*1 host: 1 change/);
    expect(one.screen).not.toContain('Password:');
  });

  test('where nobody answers', async () => {
    await danaNeeds('keyboard-interactive:pam');
    await askTwice();
    expect(await code('--password-file', right)).toBe('ssh/question-unanswered');
  });
});

describe('a password that has to be changed', () => {
  afterEach(() => host.must('printf "dana:%s\\n" "$1" | chpasswd; chage -d 20000 -M 99999 dana', { args: [DANA_PASSWORD] }));

  test('is what the host says, in its words', async () => {
    await danaNeeds('keyboard-interactive:pam');
    await host.must('chage -d 0 dana');
    const { hosts } = await plan('--password-file', right);
    expect(hosts).toMatchObject([{ error: { code: 'ssh/question-unanswered', message: expect.stringContaining('change your password') as string } }]);
  });

  test('can be changed at a terminal', async () => {
    await danaNeeds('keyboard-interactive:pam');
    await host.must('chage -d 0 dana');
    const script = typing([/ Password:/, `${DANA_PASSWORD}\r`], [/ Current password:/, `${DANA_PASSWORD}\r`], [/ New password:/, 'brand-new-77-Zq\r'], [/ Retype new password:/, 'brand-new-77-Zq\r']);
    const fresh = secretFile('fresh', 'brand-new-77-Zq\n');
    expect((await workspace.typed(script, 'plan', '-i', inventory(), '--become-password-file', fresh)).screen).toContain('1 host: 1 change');
  });

  test('where the login succeeds and no command runs', async () => {
    await danaNeeds('password');
    await host.must('chage -d 0 dana');
    const { hosts } = await plan('--password-file', right);
    expect(hosts).toMatchObject([{ error: { code: 'ssh/no-commands', message: expect.stringContaining('Password change required') as string } }]);
  });
});

describe('apply', () => {
  test('with a password alone, and nothing of it stays', async () => {
    await danaNeeds('password');
    const since = await now();
    const { hosts, stderr } = await reported(workspace, 'apply', '-i', inventory(), '--yes', '--password-file', right, '--become-password-file', right);
    expect(hosts).toMatchObject([{ outcome: 'changed' }]);
    expect(stderr).not.toContain(DANA_PASSWORD);
    expect(await logged(since, "p a'ss")).toBe(0);
  });

  test('after it, the operator\'s own certificate opens the host: beside the key, and from an agent that has the key', async () => {
    await host.must('mv /root/.ssh/authorized_keys /root/.ssh/away');
    const key = join(folder, 'mine');
    const socket = join(folder, 'agent');
    await lab.exec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', 'long passphrase', '-f', key]);
    await workspace.ensign('ca', 'sign', '--environment', 'staging', '--principal', 'sre', `${key}.pub`);
    const asRoot = (...flags: readonly string[]): string[] => ['plan', '-i', inventory('user: root, become: none'), '--json', ...flags];
    const byFile = reportOf(await workspace.ensign(...asRoot('--identity', key, '--key-passphrase-file', secretFile('passphrase', 'long passphrase\n'))));
    expect(byFile.hosts).toMatchObject([{ status: 'unchanged' }]);
    const { stdout } = await lab.exec(['ssh-agent', '-a', socket]);
    const env = { SSH_AUTH_SOCK: socket };
    try {
      await lab.exec(['ssh-keygen', '-q', '-p', '-P', 'long passphrase', '-N', '', '-f', key]);
      await lab.exec(['ssh-add', '-q', key], { env: { ...process.env, ...env } });
      rmSync(key);
      for (const flags of [[], ['--identity', key], ['--identity', `${key}.pub`], ['--identity', `${key}-cert.pub`]]) {
        expect(reportOf(await workspace.ensignWith({ env }, ...asRoot(...flags))).hosts).toMatchObject([{ status: 'unchanged' }]);
      }
    } finally {
      await lab.exec(['kill', /SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1] ?? '']);
      await host.must('mv /root/.ssh/away /root/.ssh/authorized_keys');
    }
  });
});

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import { connectNodeSsh } from '../../src/ssh/node-ssh-adapter.ts';
import type { ConnectOptions, HostSession } from '../../src/ssh/session.ts';
import { fingerprint, parsePublicKeyLine } from '../../src/wire/public-key.ts';
import type { LabHost } from './support/host.ts';
import { DANA_PASSWORD } from './support/lab.ts';
import { until } from './support/process-id.ts';
import { useLab } from './support/use-lab.ts';

const lab = useLab();
let host: LabHost;
const sessions: HostSession[] = [];

beforeAll(async () => {
  host = await lab.addHost({ name: 'ssh-01.ssh-test' });
  // a stranger to sudo, who can log in and has a password
  await host.must('useradd -m -s /bin/sh eve && mkdir /home/eve/.ssh && cp /home/dana/.ssh/authorized_keys /home/eve/.ssh/ && chown -R eve: /home/eve');
  await host.must(`getent shadow dana | cut -d: -f2 | sed "s/^/eve:/" | chpasswd -e`);
});
afterAll(async () => {
  await Promise.all(sessions.map((session) => session.close()));
  await lab.removeHost(host);
});

async function session(user: string, password?: string): Promise<HostSession> {
  const expected = (await host.hostKeys()).ed25519;
  const options: ConnectOptions = {
    host: host.name,
    address: host.address,
    port: 22,
    user,
    credentials: [{ kind: 'key', path: lab.operatorKey }],
    hostKey: (key) =>
      fingerprint(key) === fingerprint(parsePublicKeyLine(expected).key)
        ? { accepted: true, how: 'pinned' }
        : { accepted: false, error: new AppError('ssh/host-key-changed', 'another host') },
    become: 'sudo',
    ...(password === undefined ? {} : { becomePassword: new Secret(password) }),
  };
  const opened = await connectNodeSsh(options);
  sessions.push(opened);
  return opened;
}

const SCRIPT = 'id -un; cat; echo err >&2; exit 7';
const INPUT = 'first line\nsecond line\n';
const AS_ROOT = { code: 7, signal: undefined, stdout: `root\n${INPUT}`, stderr: 'err\n' };

async function asRoot(on: HostSession): ReturnType<HostSession['run']> {
  return on.run(['sh', '-c', SCRIPT], { become: true, stdin: INPUT });
}

describe('become through sudo gives the command its whole stdin and nothing else', () => {
  test('without a password (NOPASSWD)', async () => {
    expect(await asRoot(await session('ops'))).toEqual(AS_ROOT);
  });

  test('with NOPASSWD although a password is known: it is not sent at all', async () => {
    expect(await asRoot(await session('ops', DANA_PASSWORD))).toEqual(AS_ROOT);
  });

  test('with a password, and again while sudo remembers it', async () => {
    const dana = await session('dana', DANA_PASSWORD);
    expect(await asRoot(dana)).toEqual(AS_ROOT);
    await host.must(`echo 'Defaults timestamp_type=global' >/etc/sudoers.d/remember`);
    expect(await asRoot(dana)).toEqual(AS_ROOT);
    // now sudo does not ask: what was sent blindly would be the script's first line
    expect((await dana.run(['sudo', '-n', 'id', '-un'])).stdout).toBe('root\n');
    expect(await asRoot(dana)).toEqual(AS_ROOT);
    await host.must('rm /etc/sudoers.d/remember; rm -rf /run/sudo/ts/dana');
  });

  test('with a pseudo-terminal, and without (use_pty)', async () => {
    const dana = await session('dana', DANA_PASSWORD);
    for (const setting of ['use_pty', '!use_pty']) {
      await host.must(`echo 'Defaults ${setting}' >/etc/sudoers.d/pty`);
      expect(await asRoot(dana)).toEqual(AS_ROOT);
    }
    await host.must('rm /etc/sudoers.d/pty');
  });

  test('a large stdin, no stdin, and words that need quoting', async () => {
    const dana = await session('dana', DANA_PASSWORD);
    const stdin = '0123456789\n'.repeat(200_000);
    expect((await dana.run(['cat'], { become: true, stdin })).stdout).toBe(stdin);
    expect(await dana.run(['cat'], { become: true })).toEqual({ code: 0, signal: undefined, stdout: '', stderr: '' });
    const words = [`a 'b" $HOME \\ !`, '', '*', '`id`'];
    expect((await dana.run(['printf', '%s|', ...words], { become: true })).stdout).toBe(words.map((w) => `${w}|`).join(''));
  });

  test('the C locale, also as root', async () => {
    expect((await (await session('ops')).run(['sh', '-c', 'echo $LC_ALL'], { become: true })).stdout).toBe('C\n');
  });

  test('root needs no sudo', async () => {
    expect(await asRoot(await session('root'))).toEqual(AS_ROOT);
  });
});

describe('sudo that does not let us be root', () => {
  async function failure(user: string, password?: string): Promise<AppError> {
    const error: unknown = await asRoot(await session(user, password)).catch((e: unknown) => e);
    if (error instanceof AppError) return error;
    throw new Error(`not an error: ${JSON.stringify(error)}`);
  }

  test('wants a password that we have not', async () => {
    expect(await failure('dana')).toMatchObject({ code: 'ssh/sudo-password-needed', exit: 4 });
    expect(await host.run('test -e /run/faillock/dana')).toMatchObject({ code: 1 });
  });

  test('gets a wrong one: it is tried once, and no line of the script is taken for another', async () => {
    const before = await attempts();
    expect(await failure('dana', 'wrong canary')).toMatchObject({ code: 'ssh/sudo-password-wrong' });
    expect((await attempts()) - before).toBe(1);
  });

  test('does not know the user', async () => {
    const error = await failure('eve', DANA_PASSWORD);
    expect(error).toMatchObject({ code: 'ssh/sudo-denied' });
    expect(error.message).toContain('eve');
  });

  test('gives only one try', async () => {
    await host.must(`echo 'Defaults passwd_tries=1' >/etc/sudoers.d/tries`);
    expect(await failure('dana', 'wrong canary')).toMatchObject({ code: 'ssh/sudo-denied' });
    await host.must('rm /etc/sudoers.d/tries');
  });

  test('is not there', async () => {
    await host.must('chmod 0 /usr/bin/sudo && mv /usr/bin/sudo /usr/bin/sudo.away');
    expect(await failure('ops')).toMatchObject({ code: 'ssh/sudo-denied', message: expect.stringContaining('not installed') as string });
    expect(await failure('dana', DANA_PASSWORD)).toMatchObject({ code: 'ssh/sudo-denied' });
    await host.must('mv /usr/bin/sudo.away /usr/bin/sudo && chmod 4755 /usr/bin/sudo');
  });

  async function attempts(): Promise<number> {
    await host.must('journalctl --sync');
    const log = await host.must('journalctl -q --no-pager -t sudo | grep -c "authentication failure.*dana" || true');
    return Number(log);
  }
});

// attacks: secrets in ps, environment, logs, errors
describe('the sudo password', () => {
  test('is in no process, no environment, no log and no error', async () => {
    const dana = await session('dana', DANA_PASSWORD);
    const look = await dana.run(['sh', '-c', 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\\000" "\\n"; ps axww'], { become: true });
    expect(look.stdout).toContain('/proc/[0-9]*/cmdline');
    expect(look.stdout).not.toContain(DANA_PASSWORD);
    await host.must('journalctl --sync');
    expect(await host.must('journalctl -q --no-pager')).not.toContain(DANA_PASSWORD);
    const canary = 'canary-8d1f';
    const error: unknown = await asRoot(await session('dana', canary)).catch((e: unknown) => e);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(canary);
    expect(await host.must('journalctl -q --no-pager')).not.toContain(canary);
  });
});

describe('a session', () => {
  test('that is cut off is lost within a bounded time, also under a command', async () => {
    const ops = await session('ops');
    const running = ops.run(['sleep', '120']);
    running.catch(() => undefined);
    await host.cutLink();
    await expect(running).rejects.toMatchObject({ code: 'ssh/lost' });
    await host.restoreLink();
    expect((await (await session('ops')).run(['id', '-un'])).stdout).toBe('ops\n');
  });

  test('tells a command that is given up to end', async () => {
    const ops = await session('ops');
    // the shell tells of its child's end on stderr before it minds its trap: nobody may have closed that yet
    const script = 'trap "echo gone >/tmp/told; exit" TERM; echo >/tmp/begun; while :; do sleep 0.1; done';
    // long enough for a busy machine to have begun
    await expect(ops.run(['sh', '-c', script], { timeoutMs: 3000 })).rejects.toMatchObject({ code: 'ssh/timeout' });
    await host.must('test -e /tmp/begun');
    await until(async () => (await host.run('cat /tmp/told')).stdout === 'gone\n', 20_000, 'the command to end');
    expect((await ops.run(['echo', 'on'])).stdout).toBe('on\n');
  });

  test('writes files as its own user, and only where that user may', async () => {
    const ops = await session('ops');
    await ops.putFile('notes', 'text\n', 0o640);
    expect(await host.must('stat -c "%U %a" /home/ops/notes; cat /home/ops/notes')).toBe('ops 640\ntext\n');
    await expect(ops.putFile('/etc/notes', 'text\n', 0o640)).rejects.toMatchObject({ code: 'ssh/put-failed' });
  });

  test('a login without a shell gives results, not a hang', async () => {
    await host.must('usermod -s /usr/sbin/nologin eve');
    expect(await (await session('eve')).run(['id'])).toMatchObject({ code: 1 });
    await host.must('usermod -s /bin/sh eve');
  });

  // whatever the account's shell is, the words arrive; hosts have the shells of the machine that they are made of
  const shells = ['/bin/sh', '/bin/bash', '/usr/bin/zsh', '/usr/bin/fish', '/usr/bin/tcsh', '/usr/bin/bsd-csh'];
  test.each(shells.filter((shell) => existsSync(shell)))('for a login with %s', async (shell) => {
    await host.must(`usermod -s ${shell} ops && usermod -s ${shell} dana`);
    for (const on of [await session('ops'), await session('dana', DANA_PASSWORD)]) {
      expect(await asRoot(on)).toEqual(AS_ROOT);
      await on.putFile(`a file! with 'quotes' and \\`, 'x', 0o600);
      expect((await on.run(['cat', `a file! with 'quotes' and \\`])).stdout).toBe('x');
    }
    await host.must('usermod -s /bin/bash ops && usermod -s /bin/bash dana');
  });
});

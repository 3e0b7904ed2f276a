import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../../src/base/clock.ts';
import { Secret } from '../../../src/base/secret.ts';
import type { Ca, CertificateRequest } from '../../../src/ca/ca.ts';
import { createCa } from '../../../src/ca/create.ts';
import { KEY_TYPES, type KeyType } from '../../../src/ca/key-files-adapter.ts';
import { openCa } from '../../../src/ca/open.ts';
import { DEFAULT_PROFILES } from '../../../src/ca/profile.ts';
import { formatPublicKeyLine, parsePublicKeyLine } from '../../../src/wire/public-key.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';

const PASSPHRASE = new Secret('a passphrase');
let folder: string;
let sshd: LocalSshd;
const cas = new Map<KeyType, Ca>();

/** Shifts the clock of a CA, so that nobody has to wait for a certificate to begin or to end. */
class ShiftedClock implements Clock {
  shiftSeconds = 0;
  nowMs(): number {
    return systemClock.nowMs() + this.shiftSeconds * 1000;
  }
}
const clock = new ShiftedClock();

function ca(type: KeyType = 'ed25519'): Ca {
  const found = cas.get(type);
  if (found === undefined) throw new Error(`no CA of type ${type}`);
  return found;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-ca-sshd-'));
  // made in the past, so that certificates that have ended can be issued
  clock.shiftSeconds = -10 * 86_400;
  for (const type of KEY_TYPES) {
    const directory = join(folder, type);
    await createCa({ directory, organization: 'Acme', clock, keys: { from: 'new', type, passphrase: PASSPHRASE, rounds: 1 } });
    cas.set(type, await openCa({ directory, profiles: DEFAULT_PROFILES, clock, random: randomBytes, passphrase: PASSPHRASE }));
  }
  clock.shiftSeconds = 0;
  sshd = await LocalSshd.start({
    // row S2-07: nothing but certificates
    config: ['AuthorizedKeysFile none', 'TrustedUserCAKeys %d/user_ca.pub', 'AuthorizedPrincipalsFile %d/principals'],
    prepare: (directory) => {
      const lines = [...cas.values()].map((c) => formatPublicKeyLine(c.authority('user').publicKey));
      writeFileSync(join(directory, 'user_ca.pub'), `${lines.join('\n')}\n`);
      writeFileSync(join(directory, 'principals'), 'test/sre\n');
    },
  });
}, 120_000);
afterAll(async () => {
  await sshd.stop();
  for (const c of cas.values()) await c.close();
  rmSync(folder, { recursive: true, force: true });
});

let counter = 0;

/** A fresh key with a certificate; gives the path of the key. */
async function certified(request: Partial<CertificateRequest> = {}, type: KeyType = 'ed25519', keyType: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519'): Promise<string> {
  const path = join(folder, `id${counter++}`);
  makeKey(path, keyType);
  const subject = parsePublicKeyLine(readFileSync(`${path}.pub`, 'utf8')).key;
  const authority = ca(type);
  const { line } = await authority.issue(authority.lint(authority.prepare({ profile: 'user', subject, principals: ['test/sre'], keyId: { who: 'alice@example.com', why: 'test' }, ...request })));
  writeFileSync(`${path}-cert.pub`, `${line}\n`);
  return path;
}

function sshArgs(key: string, ...more: string[]): string[] {
  const options = ['IdentitiesOnly=yes', 'BatchMode=yes', 'StrictHostKeyChecking=no', `UserKnownHostsFile=${folder}/known`, 'LogLevel=ERROR', 'ControlPath=none'];
  return ['-F', 'none', '-i', key, '-p', String(sshd.port), ...options.flatMap((o) => ['-o', o]), ...more, `${sshd.user}@127.0.0.1`];
}

function login(key: string, command: string): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile('ssh', [...sshArgs(key), command], { env: { PATH: process.env['PATH'] ?? '' } }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
}

const REFUSED = { code: 255, stderr: expect.stringContaining('Permission denied') as unknown };

describe('row S0-12: every algorithm of an authority', () => {
  it.each(KEY_TYPES)('%s lets people in', async (type) => {
    expect(await login(await certified({}, type), 'echo in')).toMatchObject({ code: 0, stdout: 'in\n' });
  });
  it.each(['ecdsa', 'rsa'] as const)('and so do %s keys of theirs', async (keyType) => {
    expect(await login(await certified({}, 'ed25519', keyType), 'echo in')).toMatchObject({ code: 0, stdout: 'in\n' });
  });
});

describe('row S0-04: the validity window', () => {
  it('is enforced before it begins and after it ends', async () => {
    clock.shiftSeconds = 3600;
    const tooEarly = await certified();
    clock.shiftSeconds = -3600;
    const over = await certified({ ttl: 1800 });
    const still = await certified({ ttl: 7200 });
    clock.shiftSeconds = 0;
    expect(await login(tooEarly, 'true')).toMatchObject(REFUSED);
    expect(await login(over, 'true')).toMatchObject(REFUSED);
    expect(await login(still, 'true')).toMatchObject({ code: 0 });
  });
});

describe('attack row 27 and row S2-01: principals', () => {
  it('a certificate for another environment opens nothing', async () => {
    for (const principals of [['production/sre'], ['sre'], [sshd.user], ['test/sre2']]) expect(await login(await certified({ principals }), 'true')).toMatchObject(REFUSED);
  });
});

describe('attack row 13: restrictions', () => {
  it('row S2-03: source-address', async () => {
    const from = (value: string): Promise<string> => certified({ criticalOptions: [{ name: 'source-address', value }] });
    expect(await login(await from('10.0.0.0/8,::1'), 'true')).toMatchObject(REFUSED);
    expect(await login(await from('10.0.0.0/8,127.0.0.0/8'), 'true')).toMatchObject({ code: 0 });
    expect(await login(await from('127.0.0.1'), 'true')).toMatchObject({ code: 0 });
  });

  it('row S2-04: force-command', async () => {
    const key = await certified({ criticalOptions: [{ name: 'force-command', value: 'echo forced "$SSH_ORIGINAL_COMMAND"' }] });
    expect(await login(key, 'rm -rf /nowhere')).toMatchObject({ code: 0, stdout: 'forced rm -rf /nowhere\n' });
  });

  it('row S2-05: no port forwarding where the extension is left out', async () => {
    expect(await forwardedBanner(await certified())).toContain('SSH-2.0-');
    expect(await forwardedBanner(await certified({ extensions: [{ name: 'permit-pty', value: '' }] }))).toBe('');
  });

  it('no terminal where the extension is left out', async () => {
    const terminal = (key: string): string => execFileSync('sh', ['-c', 'ssh "$@" 2>&1 || true', 'sh', ...sshArgs(key, '-tt'), 'tty'], { encoding: 'utf8' });
    expect(terminal(await certified())).toMatch(/\/dev\/pts/);
    expect(terminal(await certified({ extensions: [] }))).not.toMatch(/\/dev\/pts/);
  });
});

/** What comes through a forwarded port that leads to sshd itself. */
async function forwardedBanner(key: string): Promise<string> {
  const socket = join(folder, `forward${counter++}`);
  const ssh = spawn('ssh', [...sshArgs(key, '-N', '-o', 'ExitOnForwardFailure=yes', '-o', 'PermitLocalCommand=yes', '-o', 'LocalCommand=echo up', '-L', `${socket}:127.0.0.1:${sshd.port}`)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  ssh.stderr.on('data', (bytes: Buffer) => (complaint += bytes.toString()));
  try {
    // the local command runs once the login is done and the socket is there; a client that ends before never gets so far
    const [said] = (await Promise.race([once(ssh.stdout, 'data'), once(ssh, 'exit')])) as [unknown];
    if (!(said instanceof Buffer)) throw new Error(`ssh ended with ${String(said)} before it forwarded anything: ${complaint}`);
    const client = connect(socket);
    let text = '';
    client.on('data', (bytes) => {
      text += bytes.toString('latin1');
      client.destroy();
    });
    client.on('error', () => undefined);
    await once(client, 'close');
    return text;
  } finally {
    if (ssh.exitCode === null && ssh.signalCode === null) {
      const ended = once(ssh, 'exit');
      ssh.kill();
      await ended;
    }
  }
}

describe('row S2-09: user and host authorities are apart', () => {
  it('a host certificate cannot log in, even where its authority were trusted', async () => {
    const trusted = await LocalSshd.start({
      config: ['AuthorizedKeysFile none', 'TrustedUserCAKeys %d/user_ca.pub', 'AuthorizedPrincipalsFile %d/principals'],
      prepare: (directory) => {
        writeFileSync(join(directory, 'user_ca.pub'), `${formatPublicKeyLine(ca().authority('host').publicKey)}\n${formatPublicKeyLine(ca().authority('user').publicKey)}\n`);
        writeFileSync(join(directory, 'principals'), 'web-01\ntest/sre\n');
      },
    });
    const previous = sshd;
    sshd = trusted;
    try {
      const host = await certified({ profile: 'host', principals: ['web-01'], host: { id: 'test/web-01' } });
      expect(await login(host, 'true')).toMatchObject(REFUSED);
      expect(await login(await certified(), 'true')).toMatchObject({ code: 0 });
    } finally {
      sshd = previous;
      await trusted.stop();
    }
  });

  it('row S2-07: a plain key does not log in where AuthorizedKeysFile is none', async () => {
    const key = await certified();
    sshd.authorize(readFileSync(`${key}.pub`, 'utf8'));
    rmSync(`${key}-cert.pub`);
    expect(await login(key, 'true')).toMatchObject(REFUSED);
  });
});

describe('row S2-08: host certificates', () => {
  it.each(KEY_TYPES)('of a %s authority end the question for the fingerprint', async (type) => {
    const authority = ca(type);
    const names = [`host-${type}.example.com`, '127.0.0.1', '2001:db8::1'];
    const request: CertificateRequest = { profile: 'host', subject: sshd.hostKey(), principals: names, keyId: { who: 'test/local', why: 'test' }, host: { id: 'test/local' } };
    const { line } = await authority.issue(authority.lint(authority.prepare(request)));
    const directory = join(folder, `host-${type}`);
    mkdirSync(directory);
    const known = join(directory, 'known_hosts');
    writeFileSync(known, `@cert-authority * ${formatPublicKeyLine(authority.authority('host').publicKey)}\n`);
    const served = await LocalSshd.start({
      config: ['TrustedUserCAKeys %d/user_ca.pub', 'AuthorizedPrincipalsFile %d/principals', 'HostKey %d/certified', 'HostCertificate %d/certified-cert.pub'],
      prepare: (d) => {
        writeFileSync(join(d, 'certified'), readFileSync(sshd.path('host_ed25519')), { mode: 0o600 });
        writeFileSync(join(d, 'certified-cert.pub'), `${line}\n`);
        writeFileSync(join(d, 'user_ca.pub'), `${formatPublicKeyLine(ca().authority('user').publicKey)}\n`);
        writeFileSync(join(d, 'principals'), 'test/sre\n');
      },
    });
    try {
      const key = await certified();
      const as = (name: string): Promise<number> =>
        new Promise((resolve) => {
          const options = ['IdentitiesOnly=yes', 'BatchMode=yes', 'StrictHostKeyChecking=yes', `UserKnownHostsFile=${known}`, 'GlobalKnownHostsFile=none', `HostKeyAlias=${name}`, 'LogLevel=ERROR'];
          execFile('ssh', ['-F', 'none', '-i', key, '-p', String(served.port), ...options.flatMap((o) => ['-o', o]), `${served.user}@127.0.0.1`, 'true'], (error) => resolve(typeof error?.code === 'number' ? error.code : 0));
        });
      for (const name of names) expect(await as(name)).toBe(0);
      expect(await as('other.example.com')).toBe(255);
    } finally {
      await served.stop();
    }
  });
});

it('row S0-01: ssh-keygen reads what was issued', async () => {
  const key = await certified({ ttl: 3600, criticalOptions: [{ name: 'source-address', value: '10.0.0.0/8' }, { name: 'force-command', value: 'uptime' }] });
  const text = execFileSync('ssh-keygen', ['-L', '-f', `${key}-cert.pub`], { encoding: 'utf8' });
  expect(text).toContain('ssh-ed25519-cert-v01@openssh.com user certificate');
  expect(text).toMatch(/Key ID: "alice@example\.com\/test\/[0-9a-f]{12}"/);
  expect(text).toMatch(/Principals:\s+test\/sre\s+Critical Options:\s+force-command uptime\s+source-address 10\.0\.0\.0\/8\s+Extensions:\s+permit-port-forwarding\s+permit-pty\s+permit-user-rc\s*$/);
});

it('what lint takes for a source address, ssh-keygen takes, and the other way round', () => {
  const key = join(folder, 'cidr');
  makeKey(key, 'ed25519');
  makeKey(`${key}-ca`, 'ed25519');
  const subject = parsePublicKeyLine(readFileSync(`${key}.pub`, 'utf8')).key;
  const samples = ['10.0.0.0/8', '10.0.0.1/8', '10.0.0.1', '10.0.0.0/33', '0.0.0.0/0', '2001:db8::/32', '2001:db8::1/32', '::1', '::/0', '::ffff:10.0.0.0/104', '300.1.1.1', 'example.com', '10.0.0.0/8,10.0.0.0/16', '10.0.0.0/8,', '192.168.1.128/25', '192.168.1.127/25', '2001:db8:8000::/33', '2001:db8:8000::/32'];
  for (const value of samples) {
    let theirs = true;
    try {
      execFileSync('ssh-keygen', ['-q', '-s', `${key}-ca`, '-I', 'x', '-n', 'x', '-O', `source-address=${value}`, `${key}.pub`], { stdio: 'pipe' });
    } catch {
      theirs = false;
    }
    let ours = true;
    try {
      ca().lint(ca().prepare({ profile: 'user', subject, principals: ['x'], keyId: { who: 'x', why: 'x' }, criticalOptions: [{ name: 'source-address', value }] }));
    } catch {
      ours = false;
    }
    expect(`${value} ${ours ? 'taken' : 'refused'}`).toBe(`${value} ${theirs ? 'taken' : 'refused'}`);
  }
});

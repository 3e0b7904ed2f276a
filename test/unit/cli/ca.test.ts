import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, closeSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import Database from 'better-sqlite3';
import { KEY_TYPES } from '../../../src/ca/key-files-adapter.ts';
import { loadInventory } from '../../../src/inventory/load.ts';
import { caCommand } from '../../../src/cli/ca.ts';
import { INIT_KEY_TYPES, initCommand } from '../../../src/cli/init.ts';
import { parseCertificateLine } from '../../../src/wire/certificate.ts';
import { runCommand, type Ran } from '../../support/run-command.ts';

let folder: string;
let root: string;
let key: string;

function init(...argv: string[]): Promise<Ran> {
  return runCommand(initCommand, ['init', ...argv], { cwd: folder });
}

function ca(...argv: string[]): Promise<Ran> {
  return runCommand(caCommand, ['ca', ...argv], { cwd: root });
}

function newKey(name: string, ...type: string[]): string {
  const path = join(root, name);
  execFileSync('ssh-keygen', ['-q', '-t', ...(type.length === 0 ? ['ed25519'] : type), '-N', '', '-C', 'me', '-f', path]);
  return `${path}.pub`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-cli-ca-'));
  root = join(folder, 'fleet');
  const { code, note } = await init('fleet', '--yes', '--organization', 'Acme: "Ünïcode" #1', '--new-passphrase-file', 'fleet/secret.passphrase');
  expect(note).toContain('What to do next');
  expect(code).toBe(0);
  key = newKey('id');
  // the same keys with the fewest rounds of key derivation, so that the tests do not wait for it
  const passphrase = readFileSync(join(root, 'secret.passphrase'), 'utf8').trim();
  for (const name of ['user_ca', 'host_ca']) execFileSync('ssh-keygen', ['-p', '-q', '-a', '1', '-P', passphrase, '-N', passphrase, '-f', join(root, 'ca', name)], { stdio: 'pipe' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('ensign init', () => {
  it('makes a workspace that git cannot leak and that all of ensign reads', async () => {
    expect(readdirSync(root).filter((name) => !name.startsWith('id'))).toEqual(['.gitignore', 'ca', 'ensign.yaml', 'inventories', 'secret.passphrase']);
    expect(statSync(join(root, 'secret.passphrase')).mode & 0o777).toBe(0o600);
    for (const environment of ['staging', 'production']) {
      const file = join(root, 'inventories', `${environment}.yaml`);
      expect(loadInventory(readFileSync(file, 'utf8'), file)).toMatchObject({ environment, hosts: [{ id: `${environment}/web-01.${environment}.example.com` }] });
    }
    execFileSync('git', ['init', '-q', root]);
    const seen = execFileSync('git', ['-C', root, 'status', '--porcelain', '-uall'], { encoding: 'utf8' });
    expect(seen).toContain('ca/user_ca.pub');
    for (const secret of ['ca/user_ca\n', 'ca/host_ca\n', 'passphrase', 'ensign.db']) expect(seen).not.toContain(secret);
    rmSync(join(root, '.git'), { recursive: true });
    expect((await ca('show', '--json')).out).toContain('Acme: \\"Ünïcode\\" #1');
  });

  it('offers the key types that the CA has', () => {
    expect(INIT_KEY_TYPES).toEqual(KEY_TYPES);
  });

  it('refuses to overwrite anything', async () => {
    const before = readFileSync(join(root, 'ensign.yaml'), 'utf8');
    expect(await init('fleet', '--yes', '--new-passphrase-file', 'other')).toMatchObject({ code: 2, note: expect.stringContaining('init/exists') as unknown });
    expect(readFileSync(join(root, 'ensign.yaml'), 'utf8')).toBe(before);
    expect(existsSync(join(folder, 'other'))).toBe(false);
    mkdirSync(join(folder, 'half', 'inventories'), { recursive: true });
    writeFileSync(join(folder, 'half', 'inventories', 'production.yaml'), 'mine');
    expect(await init('half', '--yes', '--new-passphrase-file', 'half/p')).toMatchObject({ code: 2, note: expect.stringContaining('init/exists') as unknown });
    expect(readdirSync(join(folder, 'half'))).toEqual(['inventories']);
  });

  it('leaves nothing behind when it fails, and what was there as it was', async () => {
    const busy = join(folder, 'busy');
    mkdirSync(busy);
    writeFileSync(join(busy, '.gitignore'), 'node_modules');
    // the folder for inventories cannot be made, long after the keys were
    writeFileSync(join(busy, 'inventories'), 'a file');
    expect(await init('busy', '--yes', '--new-passphrase-file', 'busy/p')).toMatchObject({ code: 2, note: expect.stringContaining('init/') as unknown });
    expect(readdirSync(busy).sort()).toEqual(['.gitignore', 'inventories']);
    expect(readFileSync(join(busy, '.gitignore'), 'utf8')).toBe('node_modules');
  });

  it('asks nobody where nobody can answer, and says what to give instead', async () => {
    expect(await init('new')).toMatchObject({ code: 2, note: expect.stringMatching(/init\/not-interactive[^]*--new-passphrase-file/) as unknown });
    expect(await init('new', '--yes')).toMatchObject({ code: 2, note: expect.stringMatching(/init\/no-passphrase[^]*--new-passphrase-file/) as unknown });
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  // row S2-16, attack row 24
  it('takes a passphrase only from a file that nobody else can read', async () => {
    const file = join(folder, 'open');
    writeFileSync(file, 'long enough\n', { mode: 0o644 });
    expect(await init('new', '--yes', '--passphrase-file', 'open')).toMatchObject({ code: 2, note: expect.stringContaining('ca/unsafe-permissions') as unknown });
    writeFileSync(file, 'short\n');
    chmodSync(file, 0o600);
    expect(await init('new', '--yes', '--passphrase-file', 'open')).toMatchObject({ code: 2, note: expect.stringContaining('init/weak-passphrase') as unknown });
    writeFileSync(file, 'two\nlines of it\n');
    expect(await init('new', '--yes', '--passphrase-file', 'open')).toMatchObject({ code: 2, note: expect.stringContaining('workspace/bad-passphrase') as unknown });
    symlinkSync(file, join(folder, 'linked'));
    expect(await init('new', '--yes', '--passphrase-file', 'linked')).toMatchObject({ code: 2, note: expect.stringContaining('ca/unsafe-permissions') as unknown });
    expect(await init('new', '--yes', '--passphrase-file', 'x', '--passphrase-fd', '3')).toMatchObject({ code: 2, note: expect.stringContaining('init/flags') as unknown });
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  it('reads a passphrase from a file descriptor, and never prints it', async () => {
    writeFileSync(join(folder, 'canary'), 'canary-9d1f7\r\n', { mode: 0o600 });
    const fd = openSync(join(folder, 'canary'), 'r');
    const { code, out, note } = await init('by-fd', '--yes', '--passphrase-fd', String(fd));
    closeSync(fd);
    expect(code).toBe(0);
    expect(out + note + readFileSync(join(folder, 'by-fd', 'ensign.yaml'), 'utf8')).not.toContain('canary-9d1f7');
    expect(() => execFileSync('ssh-keygen', ['-y', '-P', 'canary-9d1f7', '-f', join(folder, 'by-fd', 'ca', 'host_ca')], { stdio: 'pipe' })).not.toThrow();
    expect(await init('x', '--yes', '--passphrase-fd', '999')).toMatchObject({ code: 2, note: expect.stringContaining('workspace/bad-passphrase') as unknown });
    expect(await init('x', '--yes', '--passphrase-fd', 'stdin')).toMatchObject({ code: 2, note: expect.stringContaining('workspace/bad-passphrase') as unknown });
  });
});

describe('ensign ca show', () => {
  it('shows both authorities, or one public key for a file', async () => {
    const lines = (await ca('show')).out.split('\n');
    expect(lines.map((line) => line.split(/ {2,}/)[0])).toEqual(['AUTHORITY', 'user', 'host']);
    // rows S0-28, S2-25, S2-26
    for (const purpose of ['user', 'host']) {
      const { out } = await ca('show', `--${purpose}`);
      expect(out.split(' ').slice(0, 2)).toEqual(readFileSync(join(root, 'ca', `${purpose}_ca.pub`), 'utf8').split(' ').slice(0, 2));
    }
    expect(await ca('show', '--user', '--host')).toMatchObject({ code: 2 });
  });
});

describe('ensign ca sign', () => {
  const certificate = (): ReturnType<typeof parseCertificateLine>['certificate'] => parseCertificateLine(readFileSync(join(root, 'id-cert.pub'), 'utf8')).certificate;

  it('writes a certificate next to the key, scoped, limited and named', async () => {
    const argv = ['-n', 'sre, deploy', '-e', 'staging', '--ttl', '1h', '--source-address', '10.0.0.0/8', '--source-address', '::1', '--force-command', 'uptime; id', '--no-pty', '--agent-forwarding', '--identity', 'alice@example.com', '--reason', 'on call', key];
    const { code, out } = await ca('sign', ...argv);
    expect([code, out.split('\n').length]).toEqual([0, 2]);
    expect(statSync(join(root, 'id-cert.pub')).mode & 0o777).toBe(0o644);
    const made = certificate();
    expect(made.principals).toEqual(['staging/sre', 'staging/deploy']);
    expect(made.keyId).toMatch(/^alice@example\.com\/ca-sign\/[0-9a-f]{12}$/);
    expect(made.criticalOptions.map((o) => [o.name, o.value])).toEqual([['force-command', 'uptime; id'], ['source-address', '10.0.0.0/8,::1']]);
    expect(made.extensions.map((e) => e.name)).toEqual(['permit-agent-forwarding', 'permit-port-forwarding', 'permit-user-rc']);
    expect(Number(made.validBefore - made.validAfter)).toBeLessThanOrEqual(3660);
    expect((await ca('log')).out).toContain('alice@example.com/ca-sign/');
    expect((await ca('log', '--json')).out).toContain('"reason":"on call"');
  });

  it('goes on with the others when one key is refused', async () => {
    const weak = newKey('weak', 'rsa', '-b', '1024');
    const good = newKey('good', 'ecdsa', '-b', '384');
    const { code, out, note } = await ca('sign', '-n', 'sre', '-e', 'staging', weak, join(root, 'none.pub'), join(root, 'id-cert.pub'), join(root, 'id'), good);
    expect(code).toBe(2);
    expect(out).toContain('good-cert.pub');
    expect(out).not.toContain('weak-cert.pub');
    expect(existsSync(join(root, 'weak-cert.pub'))).toBe(false);
    for (const reason of ['subject-strength', 'ENOENT', 'wire/certificate-as-key', 'is a private key']) expect(note).toContain(reason);
    const json = JSON.parse((await ca('sign', '--json', '-n', 'sre', '-e', 'staging', weak, good)).out) as { certificates: unknown[]; refused: { code: string }[] };
    expect([json.certificates.length, json.refused.map((r) => r.code)]).toEqual([1, ['ca/refused']]);
  });

  it.each([
    ['no principal', ['--identity', 'a'], 'principals-present'],
    ['an empty principal', ['-n', ''], 'user-principals'],
    ['a principal with a quote', ['-n', 'a"b'], 'user-principals'],
    ['a bare number', ['-n', 'x', '--ttl', '60'], 'duration/invalid'],
    ['too long a life', ['-n', 'x', '--ttl', '25h'], 'lifetime'],
    ['milliseconds (row 15)', ['-n', 'x', '--ttl', '3600000s'], 'lifetime'],
    ['an identity with a space', ['-n', 'x', '--identity', 'a b'], 'key-id'],
    ['a bad range', ['-n', 'x', '--source-address', '10.0.0.1/8'], 'source-address'],
    ['an unknown profile', ['-n', 'x', '-p', 'admin'], 'ca/unknown-profile'],
    ["ensign's own profile", ['-n', 'x', '-p', 'proof'], 'ca/unknown-profile'],
    ['an environment with a slash', ['-n', 'x', '-e', 'a/b'], 'ca/flags'],
    ['a host without an id', ['-n', 'x', '-p', 'host'], 'ca/flags'],
    ['a host id for a person', ['-n', 'x', '--host-id', 'a/b'], 'ca/flags'],
    ['a security key option for another key', ['-n', 'x', '--verify-required'], 'critical-options'],
    ['an unknown flag', ['-n', 'x', '--principals', 'y'], 'unknown option'],
  ])('%s is refused', async (_what, argv, why) => {
    const before = readFileSync(join(root, 'id-cert.pub'), 'utf8');
    const { code, note, out } = await ca('sign', ...argv, key);
    expect([code, out]).toEqual([2, '']);
    expect(note).toContain(why);
    expect(readFileSync(join(root, 'id-cert.pub'), 'utf8')).toBe(before);
  });

  it('keeps one name for one host, until it is forgotten', async () => {
    const a = newKey('host-a');
    const b = newKey('host-b');
    const host = (id: string, file: string): Promise<Ran> => ca('sign', '-p', 'host', '-n', 'db.example.com', '--host-id', id, file);
    expect((await host('production/db', a)).code).toBe(0);
    expect(await host('staging/db', b)).toMatchObject({ code: 6, note: expect.stringMatching(/ca\/name-taken[^]*ensign ca forget production\/db/) as unknown });
    expect(await ca('forget', 'production/db')).toMatchObject({ code: 2, note: expect.stringMatching(/1 certificate of production\/db is still valid[^]*--yes/) as unknown });
    expect(await ca('forget', 'production/db', '--yes', '--reason', 'scrapped')).toMatchObject({ code: 0, out: expect.stringContaining('db.example.com') as unknown });
    expect((await host('staging/db', b)).code).toBe(0);
    expect(await ca('forget', 'production/db', '--yes')).toMatchObject({ code: 2, note: expect.stringContaining('ca/unknown-host') as unknown });
  });

  it('says so when a principal has no environment', async () => {
    expect(await ca('sign', '-n', 'sre', key)).toMatchObject({ code: 0, note: expect.stringContaining('--environment') as unknown });
  });

  it('needs a passphrase, and the right one', async () => {
    const moved = join(folder, 'moved');
    copyFileSync(join(root, 'secret.passphrase'), moved);
    const yaml = readFileSync(join(root, 'ensign.yaml'), 'utf8');
    writeFileSync(join(root, 'ensign.yaml'), yaml.replace(/^ {2}passphraseFile:.*$/m, ''));
    try {
      expect(await ca('sign', '-n', 'x', key)).toMatchObject({ code: 2, note: expect.stringContaining('workspace/no-passphrase') as unknown });
      chmodSync(moved, 0o640);
      expect(await ca('sign', '-n', 'x', '--passphrase-file', moved, key)).toMatchObject({ code: 2, note: expect.stringContaining('ca/unsafe-permissions') as unknown });
      chmodSync(moved, 0o600);
      expect((await ca('sign', '-n', 'x', '--passphrase-file', moved, key)).code).toBe(0);
      writeFileSync(moved, 'something else');
      expect(await ca('sign', '-n', 'x', '--passphrase-file', moved, key)).toMatchObject({ code: 2, note: expect.stringContaining('ca/wrong-passphrase') as unknown });
    } finally {
      writeFileSync(join(root, 'ensign.yaml'), yaml);
    }
  });
});

describe('ensign ca log and verify-log', () => {
  it('begins where it is told to', async () => {
    const all = (await ca('log')).out.split('\n');
    expect((await ca('log', '--last', '2')).out.split('\n')).toEqual(all.slice(-2));
    expect((await ca('log', '--last', '100000')).out.split('\n')).toEqual(all);
    expect((await ca('log', '--last', '-1')).code).toBe(2);
  });

  it('follow shows what is added until it is interrupted', async () => {
    const abort = new AbortController();
    const seen: string[] = [];
    const running = runCommand(caCommand, ['ca', 'log', '--follow', '--json'], { cwd: root, interrupted: abort.signal, out: (line) => void seen.push(line) });
    await ca('sign', '-n', 'staging/followed', key);
    while (!seen.some((line) => line.includes('staging/followed'))) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    expect((await running).code).toBe(130);
    expect(seen.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual(seen.map((_, i) => i + 1));
  });

  it('is sound, and says where its head is', async () => {
    const { code, out } = await ca('verify-log');
    expect(code).toBe(0);
    const head = /head (\d+:[0-9a-f]{64})/.exec(out)?.[1] ?? '';
    expect((await ca('verify-log', '--head', head)).code).toBe(0);
    expect(await ca('verify-log', '--head', `1:${'0'.repeat(64)}`)).toMatchObject({ code: 1, note: expect.stringContaining('ca/ledger-unsound') as unknown });
    expect((await ca('verify-log', '--head', 'x')).code).toBe(2);
  });

  it('is not, once somebody edited it', async () => {
    const copy = join(folder, 'edited');
    execFileSync('cp', ['-a', root, copy]);
    const db = new Database(join(copy, 'ca', 'ensign.db'));
    db.exec('drop trigger ledger_no_update');
    db.exec(`update ledger set body = replace(body, 'alice@example.com', 'nobody') where seq = 3`);
    db.close();
    expect(await ca('verify-log', '-w', copy)).toMatchObject({ code: 1, out: expect.stringContaining('edited') as unknown, note: expect.stringContaining('ca/ledger-unsound') as unknown });
    expect(JSON.parse((await ca('verify-log', '-w', copy, '--json')).out)).toMatchObject({ sound: false, problems: [{ code: 'edited', seq: 3 }] });
  });

  it('text from outside cannot fake a line', async () => {
    const evil = join(root, 'evil.pub');
    writeFileSync(evil, readFileSync(key));
    const { code } = await ca('sign', '-n', 'x\n99  2026-01-01T00:00:00.000Z  issue  root', evil);
    expect(code).toBe(2);
    const { out } = await ca('log');
    expect(out.split('\n').filter((line) => line.startsWith('99  2026'))).toEqual([]);
    appendFileSync(evil, 'more\n');
    expect(await ca('sign', '-n', 'x', evil)).toMatchObject({ code: 2, note: expect.stringContaining('more than one line') as unknown });
  });
});

import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import type { Authority, Purpose } from '../../../src/ca/authority.ts';
import { createCa } from '../../../src/ca/create.ts';
import { KEY_TYPES, type KeyType } from '../../../src/ca/key-files-adapter.ts';
import { openCa, readAuthorities, type OpenCaOptions } from '../../../src/ca/open.ts';
import { DEFAULT_PROFILES } from '../../../src/ca/profile.ts';
import { TestClock } from '../../support/test-ca.ts';

const PASSPHRASE = new Secret('correct horse bätterý "staple" $(x)');
const clock = new TestClock();
let folder: string;
let directory: string;

function create(path: string, type: KeyType = 'ed25519'): Promise<Readonly<Record<Purpose, Authority>>> {
  return createCa({ directory: path, organization: 'Acme', clock, keys: { from: 'new', type, passphrase: PASSPHRASE, rounds: 4 } });
}

function cloneTo(path: string): void {
  cpSync(directory, path, { recursive: true });
  chmodSync(path, 0o700);
}

async function open(changes: Partial<OpenCaOptions> = {}): Promise<void> {
  const ca = await openCa({ directory, profiles: DEFAULT_PROFILES, clock, random: randomBytes, passphrase: PASSPHRASE, unlock: ['user'], ...changes });
  await ca.close();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-keys-'));
  directory = join(folder, 'ca');
  await create(directory);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const mode = (path: string): number => statSync(path).mode & 0o7777;

it('makes two different keys, encrypted, that only their owner can read', async () => {
  expect(mode(directory)).toBe(0o700);
  expect(readdirSync(directory).sort()).toEqual(['ensign.db', 'host_ca', 'host_ca.pub', 'user_ca', 'user_ca.pub']);
  for (const file of ['user_ca', 'host_ca', 'ensign.db']) expect(mode(join(directory, file))).toBe(0o600);
  for (const file of ['user_ca.pub', 'host_ca.pub']) expect(mode(join(directory, file))).toBe(0o644);
  const { user, host } = await readAuthorities(directory);
  expect(user.fingerprint).not.toBe(host.fingerprint);
  // no passphrase, no key
  expect(() => execFileSync('ssh-keygen', ['-y', '-P', '', '-f', join(directory, 'user_ca')], { stdio: 'pipe' })).toThrow();
});

// row S0-12
it.each(KEY_TYPES)('a key of type %s is what real ssh-keygen says it is', async (type) => {
  const path = join(folder, type);
  const authorities = await create(path, type);
  for (const purpose of ['user', 'host'] as const) {
    const file = join(path, `${purpose}_ca`);
    const line = execFileSync('ssh-keygen', ['-y', '-P', PASSPHRASE.reveal(), '-f', file], { encoding: 'utf8' });
    expect(line.split(' ').slice(0, 2)).toEqual(readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2));
    expect(execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`], { encoding: 'utf8' })).toContain(authorities[purpose].fingerprint);
  }
});

it('a malformed pair, as ssh2 makes one of 256, is thrown away', async () => {
  // an Ed25519 key of 31 bytes: what is left of one that began with a zero
  const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 31]), Buffer.alloc(31, 7)]);
  const generate = vi.spyOn(ssh2.utils, 'generateKeyPair');
  generate.mockImplementationOnce((...args: unknown[]) => {
    (args[2] as (error: null, pair: object) => void)(null, { private: '', public: `ssh-ed25519 ${blob.toString('base64')} x` });
  });
  await create(join(folder, 'second-try'));
  expect(generate).toHaveBeenCalledTimes(3);
  generate.mockRestore();
  await open({ directory: join(folder, 'second-try') });
});

it('keys made by ssh-keygen open just as well, whatever its cipher', async () => {
  const other = join(folder, 'foreign');
  cloneTo(other);
  for (const cipher of ['aes256-ctr', 'aes256-cbc', 'aes256-gcm@openssh.com']) {
    const file = join(other, 'user_ca');
    execFileSync('ssh-keygen', ['-p', '-q', '-Z', cipher, '-P', PASSPHRASE.reveal(), '-N', PASSPHRASE.reveal(), '-f', file], { stdio: 'pipe' });
    await open({ directory: other });
  }
});

describe('attack row 24: files', () => {
  it('a key that others can read is refused', async () => {
    const key = join(directory, 'user_ca');
    for (const bad of [0o640, 0o604, 0o644, 0o620]) {
      chmodSync(key, bad);
      await expect(open()).rejects.toMatchObject({ code: 'ca/unsafe-permissions', hint: expect.stringContaining('chmod 600') as unknown });
    }
    chmodSync(key, 0o600);
    await open();
  });
  it('a folder that others can enter is refused', async () => {
    for (const bad of [0o750, 0o701, 0o755]) {
      chmodSync(directory, bad);
      await expect(open()).rejects.toMatchObject({ code: 'ca/unsafe-permissions', hint: expect.stringContaining('chmod 700') as unknown });
    }
    chmodSync(directory, 0o700);
    await open();
  });
  it('a folder that is a symbolic link is refused', async () => {
    const link = join(folder, 'link');
    symlinkSync(directory, link);
    await expect(open({ directory: link })).rejects.toMatchObject({ code: 'ca/unsafe-permissions', message: expect.stringContaining('symbolic link') as unknown });
  });
  it('a key that is a symbolic link is refused', async () => {
    const other = join(folder, 'linked-key');
    cloneTo(other);
    rmSync(join(other, 'user_ca'));
    symlinkSync(join(directory, 'user_ca'), join(other, 'user_ca'));
    await expect(open({ directory: other })).rejects.toMatchObject({ code: 'ca/unsafe-permissions' });
  });
});

it.runIf(process.getuid?.() === 0)('root may work in the folder of another user, as with sudo', async () => {
  const other = join(folder, 'theirs');
  cloneTo(other);
  execFileSync('chown', ['-R', '12345', other]);
  await open({ directory: other });
});

describe('what does not fit together', () => {
  it('a wrong passphrase', async () => {
    await expect(open({ passphrase: new Secret('wrong') })).rejects.toMatchObject({ code: 'ca/wrong-passphrase', exit: 2 });
  });
  it('a key without a passphrase', async () => {
    const other = join(folder, 'plain');
    cloneTo(other);
    execFileSync('ssh-keygen', ['-p', '-q', '-P', PASSPHRASE.reveal(), '-N', '', '-f', join(other, 'user_ca')], { stdio: 'pipe' });
    await expect(open({ directory: other })).rejects.toMatchObject({ code: 'ca/unencrypted-key' });
  });
  it("the host authority's key in the user authority's place", async () => {
    const other = join(folder, 'swapped');
    cloneTo(other);
    copyFileSync(join(other, 'host_ca'), join(other, 'user_ca'));
    await expect(open({ directory: other })).rejects.toMatchObject({ code: 'ca/key-mismatch' });
    copyFileSync(join(other, 'host_ca.pub'), join(other, 'user_ca.pub'));
    await expect(open({ directory: other })).rejects.toMatchObject({ code: 'ca/key-mismatch' });
    await expect(readAuthorities(other)).rejects.toMatchObject({ code: 'ca/key-mismatch' });
  });
  it('a folder without keys, a key that is none, a store that is none', async () => {
    await expect(open({ directory: join(folder, 'nowhere') })).rejects.toMatchObject({ code: 'ca/missing' });
    const other = join(folder, 'garbage');
    cloneTo(other);
    writeFileSync(join(other, 'user_ca'), readFileSync('/etc/passwd'));
    await expect(open({ directory: other })).rejects.toMatchObject({ code: 'ca/bad-key-file' });
    copyFileSync('/etc/passwd', join(other, 'ensign.db'));
    await expect(open({ directory: other })).rejects.toMatchObject({ code: 'ca/store-damaged' });
  });
  it('a folder that is there already is never touched', async () => {
    const before = readFileSync(join(directory, 'user_ca.pub'), 'utf8');
    await expect(create(directory)).rejects.toMatchObject({ code: 'ca/exists' });
    expect(readFileSync(join(directory, 'user_ca.pub'), 'utf8')).toBe(before);
    expect(readdirSync(folder).filter((name) => name.includes('.new-'))).toEqual([]);
  });
});

import { execFileSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { Secret } from '../../../src/base/secret.ts';
import { KeyMemory } from '../../../src/ssh/key-memory.ts';
import { loadKeyFile } from '../../../src/ssh/key-file-adapter.ts';
import { connectNodeSsh } from '../../../src/ssh/node-ssh-adapter.ts';
import { openCredentials } from '../../../src/ssh/offers-adapter.ts';
import type { Credential } from '../../../src/ssh/session.ts';
import { fingerprint } from '../../../src/wire/public-key.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';
import { startAgent } from '../../support/ssh-agent.ts';

const PASSPHRASE = 'correct hörse';
const STRANGERS = ['s1', 's2', 's3', 's4', 's5', 's6', 's7'];

let sshd: LocalSshd;
let agent: ChildProcess;
let socket: string;

beforeAll(async () => {
  sshd = await LocalSshd.start({
    config: ['TrustedUserCAKeys %d/user_ca.pub', 'MaxAuthTries 2'],
    prepare: (directory) => {
      for (const name of ['user_ca', 'mine', 'certified', ...STRANGERS]) makeKey(`${directory}/${name}`, 'ed25519');
      makeKey(`${directory}/locked`, 'ed25519', PASSPHRASE);
    },
  });
  for (const name of ['mine', 'locked']) sshd.authorize(readFileSync(sshd.path(`${name}.pub`), 'utf8'));
  certify('+1h');
  socket = sshd.path('agent');
  agent = await startAgent(socket);
});
afterEach(() => {
  ssh('ssh-add', '-q', '-D');
  certify('+1h');
});
afterAll(async () => {
  agent.kill();
  await sshd.stop();
});

// sshd hangs up at the second key that it does not know: what logs in here has shown the right one first or second
describe('an agent with many keys opens a host that accepts two tries', () => {
  it('by a .pub file whose private half is nowhere else', async () => {
    load(...STRANGERS, 'mine');
    renameSync(sshd.path('mine'), sshd.path('away'));
    try {
      for (const path of ['mine', 'mine.pub']) expect(await fails(agentOf(), file(path))).toBeUndefined();
      ssh('ssh-add', '-q', '-D');
      expect(await fails(agentOf(), file('mine.pub'))).toBe('ssh/key-not-in-agent');
    } finally {
      renameSync(sshd.path('away'), sshd.path('mine'));
    }
  });

  it('by a certificate among its keys', async () => {
    load(...STRANGERS, 'certified');
    expect(await fails(agentOf())).toBeUndefined();
  });

  it('by a key that lies among the user\'s own', async () => {
    load(...STRANGERS, 'mine');
    expect(await fails(agentOf())).toBe('ssh/auth-failed');
    expect(await fails({ ...agentOf(), prefer: [sshd.path('missing.pub'), sshd.path('mine.pub')] })).toBeUndefined();
  });

  it('by the key that has opened another host in this run', async () => {
    load('s1', 'mine', ...STRANGERS.slice(2));
    const credential = { ...agentOf(), memory: new KeyMemory() };
    expect(await fails(credential)).toBeUndefined();
    // from the second place to the last; the host would not wait for that
    ssh('ssh-add', '-q', '-D');
    load(...STRANGERS, 'mine');
    expect(await fails({ ...credential, memory: new KeyMemory() })).toBe('ssh/auth-failed');
    expect(await fails(credential)).toBeUndefined();
  });

  it('beside usual keys, which do not narrow it down', async () => {
    load('mine');
    expect(await fails(agentOf(), { ...file('s1'), usual: true })).toBeUndefined();
    expect(await fails(agentOf(), file('s1'))).toBe('ssh/auth-failed');
  });
});

describe('the order of offers', () => {
  it('what worked, valid certificates, named keys, others, certificates that are over; nothing twice', async () => {
    load('s1', 'mine', 'certified');
    const memory = new KeyMemory();
    const all = { ...agentOf(), memory, prefer: [sshd.path('mine.pub')] };
    expect(await order(all)).toEqual(['certificate certified', 'mine', 's1', 'certified']);
    const { offers } = await openCredentials([all]);
    offers.find(({ label }) => label.startsWith(print('s1')))?.worked();
    expect(await order(all)).toEqual(['s1', 'certificate certified', 'mine', 'certified']);
    ssh('ssh-add', '-q', '-D');
    certify('20200101:20200102');
    load('s1', 'mine', 'certified');
    expect(await order({ ...all, memory: new KeyMemory() })).toEqual(['mine', 's1', 'certified', 'certificate certified']);
    expect((await openCredentials([all])).offers.at(-1)?.label).toContain('not valid now');
  });

  it('the certificate beside a named key is signed by the agent that holds the key', async () => {
    execFileSync('ssh-add', ['-q', '-'], { input: readFileSync(sshd.path('certified')), env: { SSH_AUTH_SOCK: socket }, stdio: ['pipe', 'ignore', 'ignore'] });
    const certificate = readFileSync(sshd.path('certified-cert.pub'), 'utf8');
    renameSync(sshd.path('certified'), sshd.path('away'));
    try {
      expect(await fails(agentOf(), { ...file('certified'), certificate })).toBeUndefined();
    } finally {
      renameSync(sshd.path('away'), sshd.path('certified'));
    }
    // and by the file where there is no agent
    expect(await fails({ ...file('certified'), certificate })).toBeUndefined();
    expect(await fails({ ...file('s1'), certificate })).toBe('ssh/certificate-mismatch');
  });
});

describe('an encrypted key file', () => {
  it('is opened only when the host wants its key', async () => {
    let asked = 0;
    const passphrase = (): Promise<Secret<string>> => {
      asked += 1;
      return Promise.resolve(new Secret(PASSPHRASE));
    };
    expect(await fails(file('mine'), { ...file('locked'), passphrase })).toBeUndefined();
    expect(asked).toBe(0);
    expect(await fails(file('s1'), { ...file('locked'), passphrase })).toBeUndefined();
    expect(asked).toBe(1);
  });

  it('that does not open is the error, and not that the host refused', async () => {
    expect(await fails({ ...file('locked'), passphrase: () => Promise.resolve(new Secret('wrong')) })).toBe('ssh/key-passphrase-wrong');
  });

  it('whose .pub file is that of another key is named', async () => {
    copyFileSync(sshd.path('locked'), sshd.path('mixed'));
    copyFileSync(sshd.path('mine.pub'), sshd.path('mixed.pub'));
    expect(await fails({ ...file('mixed'), passphrase: () => Promise.resolve(new Secret(PASSPHRASE)) })).toBe('ssh/key-unreadable');
  });

  it('is read in every cipher of ssh-keygen but one, which is named', async () => {
    const ciphers = execFileSync('ssh', ['-Q', 'cipher'], { encoding: 'utf8' }).trim().split('\n');
    expect(ciphers).toContain('aes256-gcm@openssh.com');
    const path = sshd.path('ciphered');
    const results = new Map<string, string>();
    for (const cipher of ciphers) {
      rmSync(path, { force: true });
      rmSync(`${path}.pub`, { force: true });
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-a', '1', '-Z', cipher, '-N', PASSPHRASE, '-f', path]);
      const opened = async (passphrase: string): Promise<string> => loadKeyFile(path, new Secret(passphrase)).then(({ publicKey }) => fingerprint(publicKey), (error: unknown) => (error as AppError).code);
      results.set(cipher, (await opened(PASSPHRASE)) === print('ciphered') ? await opened('wrong') : await opened(PASSPHRASE));
    }
    expect(Object.fromEntries(results)).toEqual(Object.fromEntries(ciphers.map((cipher) => [cipher, cipher.startsWith('chacha20') ? 'ssh/key-cipher' : 'ssh/key-passphrase-wrong'])));
  });
});

function agentOf(): Extract<Credential, { kind: 'agent' }> {
  return { kind: 'agent', socket };
}

function file(name: string): Extract<Credential, { kind: 'key' }> {
  return { kind: 'key', path: sshd.path(name) };
}

/** Logs in; the code of the error, or undefined when it went well. */
async function fails(...credentials: readonly Credential[]): Promise<string | undefined> {
  try {
    const session = await connectNodeSsh({ host: 'test-host', address: '127.0.0.1', port: sshd.port, user: sshd.user, credentials, hostKey: () => ({ accepted: true, how: 'pinned' }), become: 'none' });
    await session.close();
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

async function order(...credentials: readonly Credential[]): Promise<string[]> {
  const names = [...STRANGERS, 'mine', 'certified', 'locked'];
  return (await openCredentials(credentials)).offers.map(({ label, algorithm }) => `${algorithm.includes('-cert-') ? 'certificate ' : ''}${names.find((name) => label.startsWith(print(name))) ?? label}`);
}

function print(name: string): string {
  return fingerprint(sshd.publicKey(`${name}.pub`));
}

function load(...names: readonly string[]): void {
  for (const name of names) ssh('ssh-add', '-q', sshd.path(name));
}

function certify(validity: string): void {
  execFileSync('ssh-keygen', ['-q', '-s', sshd.path('user_ca'), '-I', 'test', '-n', sshd.user, '-V', validity, sshd.path('certified.pub')]);
}

function ssh(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { env: { SSH_AUTH_SOCK: socket }, stdio: 'ignore', timeout: 20_000 });
}

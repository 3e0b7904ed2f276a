import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nowSeconds, systemClock } from '../../../src/base/clock.ts';
import { Secret } from '../../../src/base/secret.ts';
import { connectNodeSsh } from '../../../src/ssh/node-ssh-adapter.ts';
import { openSshConnector } from '../../../src/ssh/openssh-adapter.ts';
import type { Connect, ConnectOptions, Credential } from '../../../src/ssh/session.ts';
import { formatPublicKeyLine } from '../../../src/wire/public-key.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';
import { makeSecurityKey, SECURITY_KEY_PROVIDER } from '../../support/security-key.ts';
import { TestCa, userRequest } from '../../support/test-ca.ts';

const TYPES = ['ed25519-sk', 'ecdsa-sk'] as const;

let sshd: LocalSshd;
let ca: TestCa;
const touched: string[] = [];
const connect = openSshConnector({ specialities: [['securitykeyprovider', SECURITY_KEY_PROVIDER]], onTouch: (host) => void touched.push(host) });

beforeAll(async () => {
  ca = await TestCa.make({ now: nowSeconds(systemClock) });
  sshd = await LocalSshd.start({
    config: ['TrustedUserCAKeys %d/user_ca.pub', 'AuthorizedPrincipalsFile %d/principals', 'MaxAuthTries 2'],
    prepare: (directory) => {
      writeFileSync(`${directory}/user_ca.pub`, `${formatPublicKeyLine(ca.authorities.user.publicKey)}\n`);
      writeFileSync(`${directory}/principals`, 'staging/sre\n');
      for (const type of TYPES) for (const use of ['plain', 'certified', 'stranger']) makeSecurityKey(`${directory}/${use}_${type}`, type);
      makeKey(`${directory}/software`, 'ed25519');
    },
  });
  for (const type of TYPES) sshd.authorize(readFileSync(sshd.path(`plain_${type}.pub`), 'utf8'));
});

afterAll(async () => {
  await sshd.stop();
  await ca.remove();
});

describe('a key on hardware, over the stock client', () => {
  it.each(TYPES)('%s logs in, and its owner is told to touch it', async (type) => {
    touched.length = 0;
    await accepted([key(`plain_${type}`)], new RegExp(`Accepted publickey .*: ${type.toUpperCase()} `));
    expect(touched).toEqual(['test-host']);
  });

  it.each(TYPES)('%s logs in by a certificate of ensign where the key alone is not accepted', async (type) => {
    const line = await certified(`certified_${type}`);
    const seen = new RegExp(`Accepted publickey .*: ${type.toUpperCase()}-CERT `);
    // beside its key file, and as text
    await accepted([{ ...key(`certified_${type}`), certificate: line }], seen);
    await accepted([{ kind: 'certificate', privateKey: new Secret(readFileSync(sshd.path(`certified_${type}`), 'utf8')), certificate: line }], seen);
    await expect(connect(options([key(`certified_${type}`)]))).rejects.toMatchObject({ code: 'ssh/auth-failed' });
  });

  it('that the host does not know is named', async () => {
    const error: unknown = await connect(options([key('stranger_ed25519-sk')])).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'ssh/auth-failed', hint: expect.stringContaining(sshd.path('stranger_ed25519-sk')) as unknown });
  });

  it('does not let other keys be offered: neither those of an agent nor those of the home', async () => {
    await withAgent(async (socket) => {
      execFileSync('ssh-add', ['-q', sshd.path('software')], { env: { SSH_AUTH_SOCK: socket }, stdio: 'ignore', timeout: 20_000 });
      sshd.authorize(readFileSync(sshd.path('software.pub'), 'utf8'));
      await expect(connect(options([{ kind: 'agent', socket }, key('stranger_ecdsa-sk')]))).rejects.toMatchObject({ code: 'ssh/auth-failed' });
    });
  });

  it('cannot be used by node-ssh, unless an agent does it', async () => {
    await expect(connectNodeSsh(options([key('plain_ed25519-sk')]))).rejects.toMatchObject({ code: 'ssh/key-unreadable' });
    await withAgent(async (socket) => {
      execFileSync('ssh-add', ['-q', '-S', SECURITY_KEY_PROVIDER, sshd.path('plain_ed25519-sk')], { env: { SSH_AUTH_SOCK: socket }, stdio: 'ignore', timeout: 20_000 });
      for (const either of [connectNodeSsh, openSshConnector()]) {
        await accepted([{ kind: 'agent', socket }, key('plain_ed25519-sk')], /Accepted publickey .*: ED25519-SK /, either);
      }
    });
  });

  it('fails with a code when the hardware does', async () => {
    renameSync(sshd.path('plain_ecdsa-sk'), sshd.path('moved'));
    const without = openSshConnector({ specialities: [['securitykeyprovider', '/nonexistent.so']] });
    await expect(without(options([{ kind: 'key', path: sshd.path('moved') }]))).rejects.toMatchObject({ code: 'ssh/auth-failed' });
  });
});

function key(name: string): Extract<Credential, { kind: 'key' }> {
  return { kind: 'key', path: sshd.path(name) };
}

function options(credentials: readonly Credential[]): ConnectOptions {
  return { host: 'test-host', address: '127.0.0.1', port: sshd.port, user: sshd.user, credentials, hostKey: () => ({ accepted: true, how: 'pinned' }), become: 'none' };
}

async function accepted(credentials: readonly Credential[], seen: RegExp, by: Connect = connect): Promise<void> {
  await sshd.logged(async () => {
    const session = await by(options(credentials));
    expect(await session.run(['true'])).toMatchObject({ code: 0 });
    await session.close();
  }, seen);
}

async function certified(name: string): Promise<string> {
  const subject = sshd.publicKey(`${name}.pub`);
  return (await ca.ca.issue(ca.ca.lint(ca.ca.prepare(userRequest({ subject }))))).line;
}

async function withAgent(work: (socket: string) => Promise<void>): Promise<void> {
  const socket = sshd.path(`agent-${touched.length}-${Math.floor(process.uptime() * 1000)}`);
  const agent: ChildProcess = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    // it prints its variables when it listens
    await once(agent.stdout as NodeJS.ReadableStream, 'data');
    await work(socket);
  } finally {
    agent.kill();
  }
}

import { execFileSync, type ChildProcess } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { Secret } from '../../../src/base/secret.ts';
import { connectNodeSsh } from '../../../src/ssh/node-ssh-adapter.ts';
import { connectOpenSsh } from '../../../src/ssh/openssh-adapter.ts';
import type { Connect, ConnectOptions, Credential, HostKeyCheck } from '../../../src/ssh/session.ts';
import { fingerprint, samePublicKey } from '../../../src/wire/public-key.ts';
import { LocalSshd, makeKey, type KeyType } from '../../support/local-sshd.ts';
import { startAgent } from '../../support/ssh-agent.ts';

const TYPES: readonly KeyType[] = ['ed25519', 'ecdsa', 'rsa'];
const PASSPHRASE = 'correct horse';

let sshd: LocalSshd;
let agent: ChildProcess;
let agentSocket: string;
let connect: Connect;

// one contract, whatever carries the session
describe.each([['connectNodeSsh', connectNodeSsh], ['connectOpenSsh', connectOpenSsh]] as const)('%s', (_name, transport) => {
  beforeAll(async () => {
    connect = transport;
    sshd = await LocalSshd.start({
      hostKeys: ['ed25519', 'rsa'],
      config: ['TrustedUserCAKeys %d/user_ca.pub'],
      prepare: (directory) => {
        makeKey(`${directory}/user_ca`, 'ed25519');
        for (const type of TYPES) {
          makeKey(`${directory}/plain_${type}`, type);
          makeKey(`${directory}/locked_${type}`, type, PASSPHRASE);
          makeKey(`${directory}/certified_${type}`, type);
        }
        makeKey(`${directory}/stranger`, 'ed25519');
        makeKey(`${directory}/in_agent`, 'rsa');
      },
    });
    for (const type of TYPES) {
      sshd.authorize(readFileSync(sshd.path(`plain_${type}.pub`), 'utf8'));
      sshd.authorize(readFileSync(sshd.path(`locked_${type}.pub`), 'utf8'));
      certify(`certified_${type}`, sshd.user);
    }
    sshd.authorize(readFileSync(sshd.path('in_agent.pub'), 'utf8'));
    agentSocket = sshd.path('agent');
    agent = await startAgent(agentSocket);
  });

  afterAll(async () => {
    agent.kill();
    await sshd.stop();
  });

  describe('logs in to a real sshd', () => {
    it.each(TYPES)('with an %s key file', async (type) => {
      expect(await whoAmI(key(`plain_${type}`))).toBe(sshd.user);
    });

    it.each(TYPES)('with an encrypted %s key file and its passphrase', async (type) => {
      expect(await whoAmI({ ...key(`locked_${type}`), passphrase: new Secret(PASSPHRASE) })).toBe(sshd.user);
    });

    it.each(TYPES)('with an %s certificate, where the key alone is not accepted', async (type) => {
      expect(await whoAmI(certificate(`certified_${type}`))).toBe(sshd.user);
      expect(await failure([key(`certified_${type}`)])).toMatchObject({ code: 'ssh/auth-failed' });
    });

    it.each(['RSA', 'EC', 'PKCS8'])('with a key file in the old %s form', async (form) => {
      const path = sshd.path(`pem_${form}`);
      makeKey(path, form === 'EC' ? 'ecdsa' : 'rsa');
      execFileSync('ssh-keygen', ['-q', '-p', '-m', form === 'PKCS8' ? 'PKCS8' : 'PEM', '-N', PASSPHRASE, '-f', path]);
      sshd.authorize(readFileSync(`${path}.pub`, 'utf8'));
      expect(await whoAmI({ kind: 'key', path, passphrase: new Secret(PASSPHRASE) })).toBe(sshd.user);
      expect(await failure([{ kind: 'key', path }])).toMatchObject({ code: 'ssh/key-passphrase-needed' });
      expect(await failure([{ kind: 'key', path, passphrase: new Secret('wrong') }])).toMatchObject({ code: 'ssh/key-passphrase-wrong' });
    });

    it('with an RSA key in an agent, and with a certificate in it', async () => {
      add('in_agent');
      expect(await whoAmI({ kind: 'agent', socket: agentSocket })).toBe(sshd.user);
      execFileSync('ssh-add', ['-q', '-D'], { env: { SSH_AUTH_SOCK: agentSocket }, stdio: 'ignore' });
      add('certified_rsa');
      expect(await whoAmI({ kind: 'agent', socket: agentSocket })).toBe(sshd.user);
      execFileSync('ssh-add', ['-q', '-D'], { env: { SSH_AUTH_SOCK: agentSocket }, stdio: 'ignore' });
    });

    it('offers one key after the other, and takes the next when one cannot be used', async () => {
      const credentials = [{ kind: 'agent', socket: '/nonexistent' }, key('stranger'), key('locked_rsa'), key('plain_ed25519')] as const;
      const session = await connect(options(credentials));
      expect((await session.run(['id', '-un'])).stdout.trim()).toBe(sshd.user);
      await session.close();
    });

    it('an agent that holds the key of a named file stands in for it, and offers nothing else', async () => {
      makeKey(sshd.path('asleep'), 'ed25519');
      sshd.authorize(readFileSync(sshd.path('asleep.pub'), 'utf8'));
      add('stranger');
      add('asleep');
      execFileSync('ssh-keygen', ['-q', '-p', '-N', PASSPHRASE, '-f', sshd.path('asleep')]);
      // the public half is known from PATH.pub, or else from the file itself
      for (const path of [sshd.path('asleep'), sshd.path('asleep-alone')]) {
        copyFileSync(sshd.path('asleep'), path);
        const credentials = [{ kind: 'agent', socket: agentSocket }, { kind: 'key', path }] as const;
        await (await connect(options(credentials))).close();
        const error = await failure(credentials, 'nobody-here');
        expect([error.code, error.hint?.split('. ')[0]]).toEqual(['ssh/auth-failed', `offered: ${print('asleep')} (agent: "test ed25519")`]);
      }
      expect((await failure([{ kind: 'agent', socket: agentSocket }], 'nobody-here')).hint).toContain(print('stranger'));
      execFileSync('ssh-add', ['-q', '-D'], { env: { SSH_AUTH_SOCK: agentSocket }, stdio: 'ignore' });
    });
  });

  describe('refuses, with a code', () => {
    it('names what was offered', async () => {
      const error = await failure([key('stranger'), certificate('certified_rsa')], 'nobody-here');
      expect(error).toMatchObject({ code: 'ssh/auth-failed', exit: 4 });
      expect(error.hint).toContain(print('stranger'));
      expect(error.hint).toContain(`${print('certified_rsa')} (certificate "test")`);
    });

    it('an encrypted key without passphrase, and with a wrong one', async () => {
      for (const type of TYPES) {
        expect(await failure([key(`locked_${type}`)])).toMatchObject({ code: 'ssh/key-passphrase-needed' });
        expect(await failure([{ ...key(`locked_${type}`), passphrase: new Secret('wrong') }])).toMatchObject({ code: 'ssh/key-passphrase-wrong' });
      }
    });

    it('a key that others can read', async () => {
      makeKey(sshd.path('open'), 'ed25519');
      chmodSync(sshd.path('open'), 0o640);
      expect(await failure([key('open')])).toMatchObject({ code: 'ssh/key-permissions' });
    });

    it('a missing file, a file that is no key, no agent, nothing at all', async () => {
      expect(await failure([key('missing')])).toMatchObject({ code: 'ssh/key-unreadable' });
      chmodSync(sshd.path('authorized_keys'), 0o600);
      expect(await failure([key('authorized_keys')])).toMatchObject({ code: 'ssh/key-unreadable' });
      expect(await failure([{ kind: 'agent', socket: sshd.path('nowhere') }])).toMatchObject({ code: 'ssh/agent' });
      expect(await failure([])).toMatchObject({ code: 'ssh/auth-failed' });
    });

    it('the unusable credential is the error when the usable ones are refused', async () => {
      expect(await failure([key('locked_rsa'), key('stranger')])).toMatchObject({ code: 'ssh/key-passphrase-needed' });
    });

    it('a certificate for another login, and one for another key', async () => {
      makeKey(sshd.path('elsewhere'), 'ed25519');
      certify('elsewhere', 'somebody-else');
      expect(await failure([certificate('elsewhere')])).toMatchObject({ code: 'ssh/auth-failed' });
      const mixed = { ...certificate('elsewhere'), privateKey: new Secret(readFileSync(sshd.path('stranger'), 'utf8')) };
      expect(await failure([mixed])).toMatchObject({ code: 'ssh/certificate-mismatch' });
    });
  });

  // attacks: man in the middle at first contact
  describe('the host key check decides before anything is offered', () => {
    const refusal = new AppError('ssh/host-key-changed', 'the key has changed');
    const cases: readonly (readonly [string, HostKeyCheck, string])[] = [
      ['refused', () => ({ accepted: false, error: refusal }), 'ssh/host-key-changed'],
      ['a promise in place of a verdict', (() => Promise.resolve({ accepted: true })) as unknown as HostKeyCheck, 'ssh/protocol'],
      ['undefined', (() => undefined) as unknown as HostKeyCheck, 'ssh/protocol'],
      ['a check that throws', () => { throw new Error('boom'); }, 'ssh/protocol'],
    ];
    it.each(cases)('%s', async (_name, hostKey, code) => {
      let signed = 0;
      const session = connect({ ...options([key('plain_ed25519')]), hostKey: (k) => { signed += 1; return hostKey(k); } });
      await expect(session).rejects.toMatchObject({ code });
      expect(signed).toBe(1);
    });

    it('sees the key that the host has, of the type that is wished for', async () => {
      for (const [types, type] of [[[], 'ed25519'], [['ssh-rsa'], 'rsa']] as const) {
        const session = await connect({ ...options([key('plain_ed25519')]), hostKeyTypes: types });
        expect(samePublicKey(session.hostKey, sshd.hostKey(type))).toBe(true);
        await session.close();
      }
    });
  });
});

function key(name: string): Extract<Credential, { kind: 'key' }> {
  return { kind: 'key', path: sshd.path(name) };
}

function certificate(name: string): Extract<Credential, { kind: 'certificate' }> {
  return { kind: 'certificate', privateKey: new Secret(readFileSync(sshd.path(name), 'utf8')), certificate: readFileSync(sshd.path(`${name}-cert.pub`), 'utf8') };
}

function options(credentials: readonly Credential[], user = sshd.user): ConnectOptions {
  const hostKey: HostKeyCheck = () => ({ accepted: true, how: 'pinned' });
  return { host: 'test-host', address: '127.0.0.1', port: sshd.port, user, credentials, hostKey, become: 'none' };
}

async function whoAmI(credential: Credential): Promise<string> {
  const session = await connect(options([credential]));
  try {
    return (await session.run(['id', '-un'])).stdout.trim();
  } finally {
    await session.close();
  }
}

async function failure(credentials: readonly Credential[], user?: string): Promise<AppError> {
  const error: unknown = await connect(options(credentials, user)).then((session) => session.close(), (e: unknown) => e);
  if (!(error instanceof AppError)) throw new Error('logged in, or failed without a code', { cause: error });
  return error;
}

function print(name: string): string {
  return fingerprint(sshd.publicKey(`${name}.pub`));
}

function certify(name: string, principal: string): void {
  execFileSync('ssh-keygen', ['-q', '-s', sshd.path('user_ca'), '-I', 'test', '-n', principal, '-V', '+1h', sshd.path(`${name}.pub`)]);
}

function add(name: string): void {
  execFileSync('ssh-add', ['-q', sshd.path(name)], { env: { SSH_AUTH_SOCK: agentSocket }, stdio: 'ignore' });
}

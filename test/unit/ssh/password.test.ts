import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import ssh2, { type AuthContext, type Connection } from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { Secret } from '../../../src/base/secret.ts';
import { LoginPassword } from '../../../src/ssh/login-password.ts';
import { connectNodeSsh } from '../../../src/ssh/node-ssh-adapter.ts';
import type { Ask, Challenge, ConnectOptions, Credential } from '../../../src/ssh/session.ts';
import { makeKey } from '../../support/local-sshd.ts';

// PAM needs accounts and root; what a host may do with passwords and questions is played here, and real in the lab

const PASSWORD = 'canary pässword';
type Verdict = 'accept' | 'refuse' | { readonly partial: string[] } | { readonly ask: readonly [string, boolean][]; then(answers: readonly string[]): Verdict };

let directory: string;
const servers: ssh2.Server[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ensign-password-'));
  makeKey(join(directory, 'host'), 'ed25519');
  for (const name of ['key', 'key2', 'a', 'b', 'c', 'd', 'e', 'f', 'g']) makeKey(join(directory, name), 'ed25519');
});
afterEach(() => servers.splice(0).forEach((server) => server.close()));
afterAll(() => rmSync(directory, { recursive: true }));

/** A server that takes these methods and judges each attempt; tells what was tried, passwords and answers included. */
async function host(methods: ('publickey' | 'password' | 'keyboard-interactive')[], judge: (attempt: AuthContext, tried: readonly string[]) => Verdict, raw?: (client: Connection) => void): Promise<{ port: number; tried: string[] }> {
  const tried: string[] = [];
  const server = new ssh2.Server({ hostKeys: [readFileSync(join(directory, 'host'))] }, (client) => {
    client.on('error', () => undefined);
    raw?.(client);
    client.on('authentication', (context) => {
      const apply = (verdict: Verdict): void => {
        if (verdict === 'accept') context.accept();
        else if (verdict === 'refuse') context.reject(methods);
        else if ('partial' in verdict) context.reject(verdict.partial as typeof methods, true);
        else if (context.method === 'keyboard-interactive') {
          context.prompt(verdict.ask.map(([prompt, echo]) => ({ prompt, echo })), 'Welcome', 'Somebody\u001b[2J is asking', (answers) => {
            tried.push(`answers ${JSON.stringify(answers)}`);
            apply(verdict.then(answers));
          });
        }
      };
      tried.push(context.method === 'password' ? `password ${context.password}` : context.method);
      apply(judge(context, tried));
    });
    client.on('session', (accept) => void accept());
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as { port: number }).port, tried };
}

const asking = (ask: readonly [string, boolean][], right: string[]): Verdict => ({ ask, then: (answers) => (JSON.stringify(answers) === JSON.stringify(right) ? 'accept' : 'refuse') });
const key = (name: string): Credential => ({ kind: 'key', path: join(directory, name) });
const withPassword = (password = PASSWORD, ask?: Ask): Credential => ({ kind: 'answers', password: new LoginPassword(new Secret(password)), ...(ask === undefined ? {} : { ask }) });

function options(port: number, credentials: readonly Credential[], more: Partial<ConnectOptions> = {}): ConnectOptions {
  return { host: `web-${port}`, address: '127.0.0.1', port, user: 'ops', credentials, hostKey: () => ({ accepted: true, how: 'pinned' }), become: 'none', ...more };
}

async function logsIn(port: number, ...credentials: readonly Credential[]): Promise<void> {
  await (await connectNodeSsh(options(port, credentials))).close();
}

async function failure(port: number, credentials: readonly Credential[], more: Partial<ConnectOptions> = {}): Promise<AppError> {
  const error: unknown = await connectNodeSsh(options(port, credentials, more)).then((session) => session.close(), (e: unknown) => e);
  if (!(error instanceof AppError)) throw new Error('logged in, or failed without a code', { cause: error });
  // attacks: secrets in output
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('canary');
  return error;
}

describe('a password', () => {
  it('is sent after the keys, to a host that takes it', async () => {
    const { port, tried } = await host(['publickey', 'password'], (attempt) => (attempt.method === 'password' && attempt.password === PASSWORD ? 'accept' : 'refuse'));
    await logsIn(port, key('key'), withPassword());
    expect(tried).toEqual(['publickey', `password ${PASSWORD}`]);
  });

  it('is not sent when a key does', async () => {
    const { port, tried } = await host(['publickey', 'password'], (attempt) => (attempt.method === 'publickey' ? 'accept' : 'refuse'));
    await logsIn(port, key('key'), withPassword());
    expect(tried).toEqual(['publickey', 'publickey']);
  });

  it('answers a single hidden question, and is not sent once more as a password', async () => {
    const right = await host(['publickey', 'keyboard-interactive', 'password'], (attempt) => (attempt.method === 'keyboard-interactive' ? asking([['Password: ', false]], [PASSWORD]) : 'refuse'));
    await logsIn(right.port, withPassword());
    expect(right.tried).toEqual(['none', 'keyboard-interactive', `answers ["${PASSWORD}"]`]);
    const wrong = await host(['keyboard-interactive', 'password'], (attempt) => (attempt.method === 'keyboard-interactive' ? asking([['Password: ', false]], ['other']) : 'refuse'));
    expect(await failure(wrong.port, [withPassword()])).toMatchObject({ code: 'ssh/password-wrong', exit: 4 });
    expect(wrong.tried).toEqual(['none', 'keyboard-interactive', `answers ["${PASSWORD}"]`]);
  });

  it('that is wrong is sent once', async () => {
    const { port, tried } = await host(['publickey', 'password'], () => 'refuse');
    expect(await failure(port, [key('key'), withPassword('canary')])).toMatchObject({ code: 'ssh/password-wrong', exit: 4 });
    expect(tried).toEqual(['publickey', 'password canary']);
  });

  // attacks: man in the middle
  it('is not sent to a host whose key was refused', async () => {
    const { port, tried } = await host(['password'], () => 'accept');
    const refusal = new AppError('ssh/host-key-changed', 'the key has changed');
    expect(await failure(port, [withPassword()], { hostKey: () => ({ accepted: false, error: refusal }) })).toBe(refusal);
    expect(tried).toEqual([]);
  });

  it('is not sent to a host that takes keys only', async () => {
    const { port, tried } = await host(['publickey'], () => 'refuse');
    expect(await failure(port, [key('key'), withPassword()])).toMatchObject({ code: 'ssh/auth-failed' });
    expect(tried).toEqual(['publickey']);
  });

  it('that one host refused reaches no other host, as long as none has accepted it', async () => {
    const hosts = await Promise.all([1, 2, 3].map(() => host(['password'], () => 'refuse')));
    const password = withPassword('canary');
    const codes = (await Promise.all(hosts.map(({ port }) => failure(port, [password])))).map(({ code }) => code);
    expect(codes.sort()).toEqual(['ssh/password-withheld', 'ssh/password-withheld', 'ssh/password-wrong']);
    expect(hosts.flatMap(({ tried }) => tried).filter((what) => what.startsWith('password'))).toHaveLength(1);
  });

  it('that one host accepted is tried on all others, and a host lost in the middle decides nothing', async () => {
    const lost = await host(['password'], () => 'refuse', (client) => client.on('authentication', (context) => context.method === 'password' && client.end()));
    const good = await Promise.all([1, 2].map(() => host(['password'], (attempt) => (attempt.method === 'password' ? 'accept' : 'refuse'))));
    const other = await host(['password'], () => 'refuse');
    const password = withPassword();
    await failure(lost.port, [password]);
    await Promise.all(good.map(({ port }) => logsIn(port, password)));
    expect(await failure(other.port, [password])).toMatchObject({ code: 'ssh/password-wrong' });
    await Promise.all(good.map(({ port }) => logsIn(port, password)));
  });

  it('that has to be changed first is told apart from a wrong one', async () => {
    const { port } = await host(['password'], () => 'refuse', (client) => {
      client.on('authentication', (context) => {
        // RFC 4252 section 8; OpenSSH never sends it, others do
        if (context.method === 'password') (context as unknown as { requestChange(prompt: string, done: () => void): void }).requestChange('Too old', () => undefined);
      });
    });
    expect(await failure(port, [withPassword()])).toMatchObject({ code: 'ssh/password-expired' });
  });
});

describe('several steps', () => {
  it('a key and a password', async () => {
    const { port, tried } = await host(['publickey'], (attempt) => (attempt.method === 'publickey' ? (attempt.signature === undefined ? 'accept' : { partial: ['password'] }) : attempt.method === 'password' && attempt.password === PASSWORD ? 'accept' : 'refuse'));
    await logsIn(port, key('key'), withPassword());
    expect(tried).toEqual(['publickey', 'publickey', `password ${PASSWORD}`]);
  });

  it('a key and a question', async () => {
    const { port } = await host(['publickey'], (attempt) => (attempt.method === 'publickey' ? (attempt.signature === undefined ? 'accept' : { partial: ['keyboard-interactive'] }) : asking([['Password: ', false]], [PASSWORD])));
    await logsIn(port, key('key'), withPassword());
  });

  it('the same password as an answer and then as a password, where the host wants both', async () => {
    const { port, tried } = await host(['keyboard-interactive'], (attempt) => {
      if (attempt.method === 'keyboard-interactive') return { ask: [['Password: ', false]], then: () => ({ partial: ['password'] }) };
      return attempt.method === 'password' && attempt.password === PASSWORD ? 'accept' : 'refuse';
    });
    await logsIn(port, withPassword());
    expect(tried).toEqual(['none', 'keyboard-interactive', `answers ["${PASSWORD}"]`, `password ${PASSWORD}`]);
  });

  it('two keys, the first of which is not shown again', async () => {
    let signed = 0;
    const { port } = await host(['publickey'], (attempt) => (attempt.method !== 'publickey' ? 'refuse' : attempt.signature === undefined ? 'accept' : (signed += 1) === 2 ? 'accept' : { partial: ['publickey'] }));
    await logsIn(port, key('key'), key('key2'));
  });

  it('of which one is missing: it says what was accepted, and what more is wanted', async () => {
    const { port } = await host(['publickey'], (attempt) => (attempt.method === 'publickey' && attempt.signature === undefined ? 'accept' : { partial: ['keyboard-interactive'] }));
    const error = await failure(port, [key('key')]);
    expect(error).toMatchObject({ code: 'ssh/second-step-needed', exit: 4 });
    expect(error.message).toMatch(/accepts SHA256:.* and wants more of ops: keyboard-interactive$/);
  });
});

describe('questions', () => {
  const two: readonly [string, boolean][] = [['Verification code: ', false], ['Your colour? ', true]];

  it('go to a person, with everything the host says', async () => {
    const asked: Challenge[] = [];
    const ask: Ask = (challenge) => {
      asked.push(challenge);
      return Promise.resolve([new Secret('123'), new Secret('blue')]);
    };
    const { port, tried } = await host(['keyboard-interactive'], (attempt) => (attempt.method === 'none' ? 'refuse' : asking(two, ['123', 'blue'])));
    await logsIn(port, { kind: 'answers', ask });
    expect(tried).toEqual(['none', 'keyboard-interactive', 'answers ["123","blue"]']);
    expect(asked).toEqual([{ host: `web-${port}`, user: 'ops', says: 'Welcome\nSomebody\u001b[2J is asking\n', questions: [{ text: 'Verification code: ', echo: false }, { text: 'Your colour? ', echo: true }] }]);
  });

  it('are no way around a key that was named and cannot be read', async () => {
    const { port, tried } = await host(['keyboard-interactive'], () => 'refuse');
    expect(await failure(port, [key('missing'), { kind: 'answers', ask: () => Promise.reject(new Error('asked')) }])).toMatchObject({ code: 'ssh/key-unreadable' });
    expect(tried).toEqual([]);
  });

  it('that are shown while they are answered do not get the password', async () => {
    const { port, tried } = await host(['keyboard-interactive'], (attempt) => (attempt.method === 'none' ? 'refuse' : asking([['Your name? ', true]], ['canary'])));
    expect(await failure(port, [withPassword()])).toMatchObject({ code: 'ssh/question-unanswered' });
    expect(tried.join()).not.toContain('canary');
  });

  it('are not asked of a person as long as the host might take a key', async () => {
    const { port, tried } = await host(['publickey', 'keyboard-interactive', 'password'], () => 'refuse');
    const error = await failure(port, [key('key'), { kind: 'answers', ask: () => Promise.reject(new Error('asked')) }]);
    expect([error.code, error.hint]).toEqual(['ssh/auth-failed', expect.stringContaining('--ask-password')]);
    expect(tried).toEqual(['publickey']);
  });

  it('without anybody to answer: the host\'s words, made harmless', async () => {
    const { port, tried } = await host(['keyboard-interactive'], (attempt) => (attempt.method === 'none' ? 'refuse' : asking(two, [])));
    const error = await failure(port, [withPassword()]);
    expect(error).toMatchObject({ code: 'ssh/question-unanswered', exit: 4 });
    expect(error.message).toContain('Verification code:');
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(tried.join()).not.toContain('canary');
  });

  it('answered wrongly', async () => {
    const { port } = await host(['keyboard-interactive'], (attempt) => (attempt.method === 'none' ? 'refuse' : asking(two, ['right', 'right'])));
    expect(await failure(port, [{ kind: 'answers', ask: () => Promise.resolve([new Secret('canary'), new Secret('canary')]) }])).toMatchObject({ code: 'ssh/answer-wrong' });
  });

  it('open when the host hangs up are taken away', async () => {
    let gone: AbortSignal | undefined;
    let hangUp: () => void = () => undefined;
    const { port } = await host(['keyboard-interactive'], (attempt) => (attempt.method === 'none' ? 'refuse' : asking(two, [])), (client) => { hangUp = () => client.end(); });
    const ask: Ask = (_challenge, signal) => new Promise((_resolve, reject) => {
      gone = signal;
      signal.addEventListener('abort', () => reject(new Error('gone')));
      hangUp();
    });
    expect(await failure(port, [{ kind: 'answers', ask }])).toMatchObject({ code: 'ssh/answer-late' });
    expect(gone?.aborted).toBe(true);
  });

  it('may take longer than a connection may', async () => {
    const { port } = await host(['keyboard-interactive'], (attempt) => (attempt.method === 'none' ? 'refuse' : asking([['Code: ', false]], ['1'])));
    const connectTimeoutMs = 1000;
    const ask: Ask = () => new Promise((resolve) => setTimeout(() => resolve([new Secret('1')]), 2 * connectTimeoutMs));
    await (await connectNodeSsh(options(port, [{ kind: 'answers', ask }], { connectTimeoutMs }))).close();
  });

  it('without end are cut off', async () => {
    const again: Verdict = { ask: [['More? ', true]], then: () => again };
    const { port, tried } = await host(['keyboard-interactive'], (attempt) => (attempt.method === 'none' ? 'refuse' : again));
    expect(await failure(port, [{ kind: 'answers', ask: () => Promise.resolve([new Secret('yes')]) }])).toMatchObject({ code: 'ssh/protocol' });
    expect(tried.filter((what) => what.startsWith('answers'))).toHaveLength(10);
  });
});

describe('many keys', () => {
  const many = (): Credential[] => ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(key);

  it('no more than five are shown, and the error says how many were not', async () => {
    const { port, tried } = await host(['publickey'], () => 'refuse');
    expect((await failure(port, many())).hint).toContain('2 more keys were not tried');
    expect(tried).toHaveLength(5);
  });

  it('one less where a password is to have its turn', async () => {
    const { port, tried } = await host(['publickey', 'password'], (attempt) => (attempt.method === 'password' ? 'accept' : 'refuse'));
    await logsIn(port, ...many(), withPassword());
    expect(tried).toEqual(['publickey', 'publickey', 'publickey', 'publickey', `password ${PASSWORD}`]);
  });
});

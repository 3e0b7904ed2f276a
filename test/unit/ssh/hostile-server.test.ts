import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { hostKeyCheck, sameKeyCheck } from '../../../src/ssh/host-keys.ts';
import { parseKnownHosts } from '../../../src/ssh/known-hosts.ts';
import { connectNodeSsh } from '../../../src/ssh/node-ssh-adapter.ts';
import { connectOpenSsh } from '../../../src/ssh/openssh-adapter.ts';
import type { ConnectOptions, HostKeyCheck } from '../../../src/ssh/session.ts';
import { fingerprint, formatPublicKeyLine, parsePublicKeyLine, type PublicKey } from '../../../src/wire/public-key.ts';
import { makeKey } from '../../support/local-sshd.ts';

/** A server that lets everybody in, writes down who came, and does with commands what it likes. */
class HostileServer {
  readonly logins: string[] = [];
  readonly #server: ssh2.Server;

  constructor(key: string, command: (channel: ServerChannel, line: string, client: Connection) => void = () => undefined) {
    this.#server = new ssh2.Server({ hostKeys: [readFileSync(key)] }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (context) => {
        this.logins.push(context.username);
        context.accept();
      });
      client.on('session', (accept) => accept().on('exec', (start, _refuse, info) => command(start(), info.command, client)));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { port: number }).port;
  }

  close(): void {
    this.#server.close();
  }
}

let directory: string;
let genuine: PublicKey;
let forged: PublicKey;
const servers: HostileServer[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ensign-hostile-'));
  for (const name of ['genuine', 'forged', 'login']) makeKey(join(directory, name), 'ed25519');
  [genuine, forged] = ['genuine', 'forged'].map((name) => parsePublicKeyLine(readFileSync(join(directory, `${name}.pub`), 'utf8')).key) as [PublicKey, PublicKey];
});
afterEach(() => servers.splice(0).forEach((server) => server.close()));
afterAll(() => rmSync(directory, { recursive: true }));

function start(command?: ConstructorParameters<typeof HostileServer>[1]): HostileServer {
  const server = new HostileServer(join(directory, 'forged'), command);
  servers.push(server);
  return server;
}

function options(port: number, hostKey: HostKeyCheck, more: Partial<ConnectOptions> = {}): ConnectOptions {
  return { host: 'web', address: '127.0.0.1', port, user: 'ops', credentials: [{ kind: 'key', path: join(directory, 'login') }], hostKey, become: 'sudo', ...more };
}

const trusting: HostKeyCheck = () => ({ accepted: true, how: 'pinned' });

// one contract, whatever carries the session
describe.each([['connectNodeSsh', connectNodeSsh], ['connectOpenSsh', connectOpenSsh]] as const)('%s', (_name, connect) => {
  // attacks: man in the middle at first contact
  describe('somebody in between', () => {
    const checks: readonly (readonly [string, string, (port: number) => HostKeyCheck])[] = [
      ['a key that nobody knows', 'ssh/host-key-unknown', (port) => hostKeyCheck({ names: ['web'], port, knownHosts: parseKnownHosts('', 'none'), firstContact: 'known-hosts' })],
      ['another key than in known_hosts', 'ssh/host-key-changed', (port) => hostKeyCheck({ names: ['web'], port, knownHosts: parseKnownHosts(`[web]:${port} ${formatPublicKeyLine(genuine)}\n`, 'known_hosts'), firstContact: 'accept-new' })],
      ['another key than the pinned one', 'ssh/host-key-changed', (port) => hostKeyCheck({ names: ['web'], port, knownHosts: parseKnownHosts('', 'none'), firstContact: 'pinned', pinned: fingerprint(genuine) })],
      ['another key than a moment ago', 'ssh/host-key-changed', () => sameKeyCheck(genuine)],
      ['a revoked key', 'ssh/host-key-revoked', (port) => hostKeyCheck({ names: ['web'], port, knownHosts: parseKnownHosts(`@revoked * ${formatPublicKeyLine(forged)}\n`, 'known_hosts'), firstContact: 'accept-new' })],
    ];
    it.each(checks)('shows %s, and is told nothing, not even the login', async (_name, code, check) => {
      const server = start();
      const port = await server.listen();
      await expect(connect(options(port, check(port)))).rejects.toMatchObject({ code });
      expect(server.logins).toEqual([]);
    });

    it('would have got the login, had the check not been there', async () => {
      const server = start();
      const session = await connect(options(await server.listen(), trusting));
      expect(server.logins).toContain('ops');
      await session.close();
    });
  });

  // attacks: exhaustion
  describe('a host gone mad', () => {
    it('that prints without end, and closes nothing when told to, is cut off', async () => {
      let sent = 0;
      const chunk = Buffer.alloc(32 * 1024);
      const server = start((channel, _line, client) => {
        const flood = setInterval(() => {
          for (let i = 0; i < 64; i++, sent += chunk.length) channel.write(chunk);
          if (sent > 256 * 1024 * 1024) clearInterval(flood);
        }, 1);
        client.on('close', () => clearInterval(flood));
        channel.close = () => undefined;
      });
      const session = await connect(options(await server.listen(), trusting));
      const before = process.memoryUsage().arrayBuffers;
      await expect(session.run(['x'])).rejects.toMatchObject({ code: 'ssh/output-too-large' });
      await session.close();
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 1024 * 1024);
    });

    it('that asks for the sudo password again and again gets it once', async () => {
      let typed = '';
      const server = start((channel, line) => {
        const prompt = /\[ensign \w+ asks\]/.exec(line)?.[0] ?? '';
        channel.on('data', (data: Buffer) => {
          typed += data.toString();
          channel.stderr.write(prompt.repeat(3));
        });
        channel.on('end', () => {
          channel.exit(1);
          channel.end();
        });
        channel.stderr.write(prompt);
      });
      const session = await connect(options(await server.listen(), trusting, { becomePassword: new Secret('s3cret') }));
      await expect(session.run(['id'], { become: true, stdin: 'script' })).rejects.toMatchObject({ code: 'ssh/sudo-password-wrong' });
      expect(typed).toBe('s3cret\n');
      await session.close();
    });

    it('that ends a command without saying how gives no exit status', async () => {
      const server = start((channel) => channel.end());
      const session = await connect(options(await server.listen(), trusting));
      expect(await session.run(['id'])).toEqual({ code: undefined, signal: undefined, stdout: '', stderr: '' });
      await session.close();
    });

    it('that hangs up in the middle of a command is lost', async () => {
      const server = start((_channel, _line, client) => client.end());
      const session = await connect(options(await server.listen(), trusting));
      await expect(session.run(['id'])).rejects.toMatchObject({ code: 'ssh/lost' });
      await session.close();
    });
  });
});

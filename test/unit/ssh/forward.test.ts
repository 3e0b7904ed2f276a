import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNodeSsh } from '../../../src/ssh/node-ssh-adapter.ts';
import { connectOpenSsh } from '../../../src/ssh/openssh-adapter.ts';
import { scanHostCertificate } from '../../../src/ssh/scan.ts';
import type { Connect, ConnectOptions, Dial, HostSession } from '../../../src/ssh/session.ts';
import { listen } from '../../support/fake-ssh-server.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

// a bastion that forwards, one that does not, one that forwards to one place only; and the host behind
let bastion: LocalSshd;
let strict: LocalSshd;
let narrow: LocalSshd;
let host: LocalSshd;

beforeAll(async () => {
  host = await LocalSshd.start({ prepare: (directory) => makeKey(`${directory}/key`, 'ed25519') });
  [bastion, strict, narrow] = await Promise.all([
    LocalSshd.start(),
    LocalSshd.start({ config: ['AllowTcpForwarding no'] }),
    LocalSshd.start({ config: [`PermitOpen 127.0.0.1:${host.port}`] }),
  ]);
  for (const sshd of [host, bastion, strict, narrow]) sshd.authorize(readFileSync(host.path('key.pub'), 'utf8'));
});

afterAll(() => Promise.all([host, bastion, strict, narrow].map((sshd) => sshd.stop())));

// one contract, whatever carries the session
describe.each([['connectNodeSsh', connectNodeSsh], ['connectOpenSsh', connectOpenSsh]] as const)('%s', (_name, connect) => {
  describe('a session opens connections to other hosts', () => {
    it('over which one logs in, runs commands with much to say, and scans', async () => {
      await through(connect, bastion.port, async (session) => {
        const dial: Dial = (target) => session.dial(target);
        const behind = await connect({ ...options(host.port), dial });
        const stdin = '0123456789'.repeat(500_000);
        expect((await behind.run(['cat'], { stdin })).stdout).toBe(stdin);
        await behind.close();
        const { hostKey } = await scanHostCertificate({ address: '127.0.0.1', port: host.port, dial });
        expect(hostKey).toEqual(host.hostKey());
      });
    });

    it('one through the other, and each ends when it is closed', async () => {
      await through(connect, bastion.port, async (first) => {
        const second = await connect({ ...options(narrow.port), dial: (target) => first.dial(target) });
        const third = await connect({ ...options(host.port), dial: (target) => second.dial(target) });
        expect((await third.run(['echo', 'there'])).stdout).toBe('there\n');
        await third.close();
        await second.close();
        await expect(third.run(['id'])).rejects.toMatchObject({ code: 'ssh/lost' });
      });
    });

    it('to what speaks first, and ends when the other side does', async () => {
      const server = await listen((socket) => void socket.end('all of it'));
      await through(connect, bastion.port, async (session) => {
        const connection = await session.dial(to(server.port));
        expect(await text(connection)).toBe('all of it');
        if (!connection.closed) await once(connection, 'close');
      });
      await server.stop();
    });

    it('that are destroyed with a reason, which the reader hears, and the other side sees the end', async () => {
      let ended: Promise<unknown> | undefined;
      const server = await listen((socket) => {
        ended = once(socket.resume(), 'close');
      });
      await through(connect, bastion.port, async (session) => {
        const connection = await session.dial(to(server.port));
        connection.write('x');
        const reading = text(connection);
        connection.destroy(new Error('enough'));
        await expect(reading).rejects.toThrow('enough');
        await expect.poll(() => ended, { timeout: 10_000 }).toBeDefined();
        await ended;
      });
      await server.stop();
    });
  });

  describe('a connection that does not come about has a code, and names the jump host', () => {
    it.each([
      ['forwarding is off', () => strict, () => host.port],
      ['forwarding is limited to other places', () => narrow, () => bastion.port],
    ])('%s', async (_name, sshd, port) => {
      await through(connect, sshd().port, (session) => expect(session.dial(to(port()))).rejects.toMatchObject({ code: 'ssh/forward-refused', exit: 5, message: expect.stringMatching(/^jump host gate does not forward to 127\.0\.0\.1:/) as string }));
    });

    it('nobody listens there', async () => {
      const server = await listen(() => undefined);
      await server.stop();
      await through(connect, bastion.port, (session) => expect(session.dial(to(server.port))).rejects.toMatchObject({ code: 'ssh/refused', exit: 5, message: expect.stringContaining('jump host gate') as string }));
    });

    it('a name that has no address there', async () => {
      await through(connect, bastion.port, (session) => expect(session.dial({ ...to(22), address: 'no-such-host.invalid' })).rejects.toMatchObject({ code: 'ssh/unreachable', exit: 5, message: expect.stringContaining('jump host gate') as string }));
    });

    it('too late: the caller goes on, and what comes after all is closed', async () => {
      let closed: Promise<unknown> | undefined;
      const server = await listen((socket) => {
        closed = once(socket.resume(), 'close');
      });
      const proxy = await TcpProxy.start(bastion.port);
      await through(connect, proxy.port, async (session) => {
        const resume = proxy.hold();
        await expect(session.dial({ ...to(server.port), timeoutMs: 50 })).rejects.toMatchObject({ code: 'ssh/timeout', exit: 5 });
        resume();
        await expect.poll(() => closed, { timeout: 10_000 }).toBeDefined();
        await closed;
        expect((await session.run(['echo', 'still here'])).stdout).toBe('still here\n');
      });
      await proxy.stop();
      await server.stop();
    });

    it('the jump host is lost: before, and while one waits; what was open ends', async () => {
      const server = await listen((socket) => void socket.resume());
      const proxy = await TcpProxy.start(bastion.port);
      await through(connect, proxy.port, async (session) => {
        const open = await session.dial(to(server.port));
        const ended = text(open);
        proxy.hold();
        const waiting = session.dial(to(server.port));
        proxy.cut();
        await expect(waiting).rejects.toMatchObject({ code: 'ssh/lost' });
        await expect(session.dial(to(server.port))).rejects.toMatchObject({ code: 'ssh/lost' });
        expect(await ended).toBe('');
      });
      await proxy.stop();
      await server.stop();
    });
  });
});

async function through(connect: Connect, port: number, body: (session: HostSession) => Promise<unknown>): Promise<void> {
  const session = await connect(options(port));
  try {
    await body(session);
  } finally {
    await session.close();
  }
}

function options(port: number): ConnectOptions {
  return { host: 'gate', address: '127.0.0.1', port, user: host.user, credentials: [{ kind: 'key', path: host.path('key') }], hostKey: () => ({ accepted: true, how: 'pinned' }), become: 'none' };
}

function to(port: number): { address: string; port: number; timeoutMs: number } {
  return { address: '127.0.0.1', port, timeoutMs: 10_000 };
}

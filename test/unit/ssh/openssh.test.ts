import fc from 'fast-check';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HandshakeTap, shownHostKey } from '../../../src/ssh/handshake-tap.ts';
import { MuxProxy } from '../../../src/ssh/mux-proxy.ts';
import { connectOpenSsh, openSshConnector } from '../../../src/ssh/openssh-adapter.ts';
import type { ConnectOptions } from '../../../src/ssh/session.ts';
import { dial } from '../../../src/ssh/tcp-adapter.ts';
import { encodePublicKey, samePublicKey, type PublicKey } from '../../../src/wire/public-key.ts';
import { WireWriter } from '../../../src/wire/writer.ts';
import { duplexPair } from '../../support/duplex-pair.ts';
import { packet } from '../../support/fake-ssh-server.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';

let sshd: LocalSshd;
let temporary: string;
const usual = process.env['TMPDIR'];

beforeAll(async () => {
  sshd = await LocalSshd.start({ hostKeys: ['ed25519', 'ecdsa', 'rsa'], prepare: (directory) => { for (const name of ['key', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6']) makeKey(`${directory}/${name}`, 'ed25519'); } });
  sshd.authorize(readFileSync(sshd.path('key.pub'), 'utf8'));
  temporary = mkdtempSync(join(tmpdir(), 'ensign-t-'));
  process.env['TMPDIR'] = temporary;
});

afterAll(async () => {
  if (usual === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = usual;
  rmSync(temporary, { recursive: true });
  await sshd.stop();
});

function options(more: Partial<ConnectOptions> = {}): ConnectOptions {
  return { host: 'test-host', address: '127.0.0.1', port: sshd.port, user: sshd.user, credentials: [{ kind: 'key', path: sshd.path('key') }], hostKey: () => ({ accepted: true, how: 'pinned' }), become: 'none', ...more };
}

describe('the stock client', () => {
  it("gives a command's 255, which is no failure of ssh here", async () => {
    const session = await connectOpenSsh(options());
    expect(await session.run(['sh', '-c', 'echo "ssh: connect to host: Connection refused" >&2; exit 255'])).toEqual({ code: 255, signal: undefined, stdout: '', stderr: 'ssh: connect to host: Connection refused\n' });
    await session.close();
  });

  it('keeps nothing but sockets, its settings and the one host key, for itself, and leaves nothing', async () => {
    const session = await connectOpenSsh(options());
    const [folder = ''] = readdirSync(temporary);
    expect(readdirSync(join(temporary, folder)).sort()).toEqual(['agent', 'config', 'control', 'known_hosts']);
    expect(readFileSync(join(temporary, folder, 'known_hosts'), 'utf8')).toMatch(/^ensign-host ssh-ed25519 \S+\n$/);
    await session.close();
    await expect(connectOpenSsh(options({ user: 'nobody-here' }))).rejects.toMatchObject({ code: 'ssh/auth-failed' });
    await expect(connectOpenSsh(options({ port: 1 }))).rejects.toMatchObject({ code: 'ssh/refused' });
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('has its own say about the host key: what it refuses stays refused', async () => {
    let judged: PublicKey | undefined;
    const careful = openSshConnector({ specialities: [['revokedhostkeys', sshd.path('host_ed25519.pub')]] });
    await expect(careful(options({ hostKey: (key) => { judged = key; return { accepted: true, how: 'pinned' }; } }))).rejects.toMatchObject({ code: 'ssh/protocol' });
    expect(judged).toBeDefined();
  });

  it('offers five keys at most, in their order, and says how many were left', async () => {
    const credentials = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'key'].map((name) => ({ kind: 'key' as const, path: sshd.path(name) }));
    await expect(connectOpenSsh(options({ credentials }))).rejects.toMatchObject({ code: 'ssh/auth-failed', hint: expect.stringContaining('2 more keys were not tried') as string });
    const session = await connectOpenSsh(options({ credentials: credentials.slice(2) }));
    await session.close();
  });

  it.each([
    ['is not there', openSshConnector({ program: '/nonexistent/ssh' }), 'ssh/no-client'],
    ['does not take its settings', openSshConnector({ specialities: [['ciphers', 'no-such-cipher']] }), 'ssh/client-settings'],
    ['is something else', openSshConnector({ program: '/bin/true' }), 'ssh/client-settings'],
  ])('that %s is a mistake of ours', async (_what, connect, code) => {
    await expect(connect(options())).rejects.toMatchObject({ code, exit: 2 });
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('logs in by keys only', async () => {
    await expect(connectOpenSsh(options({ credentials: [{ kind: 'answers' }] }))).rejects.toMatchObject({ code: 'ssh/keys-only', exit: 2 });
  });
});

describe('reading along', () => {
  it.each([
    ['ed25519', 'curve25519-sha256'],
    ['ecdsa', 'ecdh-sha2-nistp384'],
    ['rsa', 'diffie-hellman-group14-sha256'],
    ['ed25519', 'diffie-hellman-group-exchange-sha256'],
  ] as const)('sees the %s key through %s, in whatever pieces it comes', async (type, kex) => {
    const seen: PublicKey[] = [];
    const connect = openSshConnector({ specialities: [['kexalgorithms', kex]] });
    const types = { ed25519: 'ssh-ed25519', ecdsa: 'ecdsa-sha2-nistp256', rsa: 'ssh-rsa' };
    const session = await connect(options({ hostKeyTypes: [types[type]], dial: dialInPieces, hostKey: (key) => { seen.push(key); return { accepted: true, how: 'pinned' }; } }));
    await session.close();
    expect(seen.map((key) => samePublicKey(key, sshd.hostKey(type)))).toEqual([true]);
  });

  it('never fails, and never sees a key after NEWKEYS', () => {
    const key = encodePublicKey(sshd.hostKey());
    const reply = packet(new WireWriter().byte(31).string(key).string('').string('').finish());
    const hear = (bytes: Uint8Array, cuts: readonly number[]): number => {
      let keys = 0;
      const tap = new HandshakeTap((payload) => { keys += shownHostKey(payload) === undefined ? 0 : 1; });
      let from = 0;
      for (const cut of [...cuts, bytes.length]) {
        tap.feed(bytes.subarray(from, from + cut));
        from += cut;
      }
      return keys;
    };
    const greeting = Buffer.from('hello\r\nSSH-2.0-x\r\n');
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 50 });
    fc.assert(fc.property(cuts, (at) => { expect(hear(Buffer.concat([greeting, reply]), at)).toBe(1); }));
    fc.assert(fc.property(cuts, (at) => { expect(hear(Buffer.concat([greeting, packet(Uint8Array.of(21)), reply]), at)).toBe(0); }));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), cuts, (noise, at) => { hear(Buffer.concat([greeting, noise]), at); }), { numRuns: 1000 });
  });
});

describe('a control socket that is none', () => {
  it('is refused or ends, and nobody waits for ever', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (noise) => {
        const [ours, theirs] = duplexPair();
        const started = MuxProxy.start(ours);
        theirs.on('error', () => undefined).resume();
        theirs.end(noise);
        await expect(started).rejects.toBeInstanceOf(Error);
      }),
      { numRuns: 300 },
    );
  });
});

/** A connection that brings one byte at a time at first. */
const dialInPieces: NonNullable<ConnectOptions['dial']> = async (target) => {
  const socket = await dial(target);
  const read = socket.read.bind(socket);
  let count = 0;
  socket.read = (size?: number) => (count++ < 200 ? (read(1) as unknown) : (read(size) as unknown));
  return socket;
};

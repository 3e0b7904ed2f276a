import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { connectNodeSsh } from '../../../src/ssh/node-ssh-adapter.ts';
import { scanHostCertificate } from '../../../src/ssh/scan.ts';
import type { ConnectOptions } from '../../../src/ssh/session.ts';
import { Ways, type Hop } from '../../../src/ssh/ways.ts';
import type { PublicKey } from '../../../src/wire/public-key.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

interface TestHop extends Hop {
  readonly key: string;
}

// operator -> near -> far -> host; each behind a proxy that counts and drops
let host: LocalSshd;
let near: LocalSshd;
let far: LocalSshd;
let toHost: TcpProxy;
let toNear: TcpProxy;
let toFar: TcpProxy;

beforeAll(async () => {
  host = await LocalSshd.start({ prepare: (directory) => ['key', 'stranger'].forEach((name) => makeKey(`${directory}/${name}`, 'ed25519')) });
  near = await LocalSshd.start({ config: ['MaxStartups 2:50:4'] });
  far = await LocalSshd.start();
  for (const sshd of [host, near, far]) sshd.authorize(readFileSync(host.path('key.pub'), 'utf8'));
});
afterAll(() => Promise.all([host, near, far].map((sshd) => sshd.stop())));

const open: { close(): Promise<void> }[] = [];
async function fresh(): Promise<void> {
  [toHost, toNear, toFar] = await Promise.all([TcpProxy.start(host.port), TcpProxy.start(near.port), TcpProxy.start(far.port)]);
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await Promise.all([toHost, toNear, toFar].map((proxy) => proxy.stop()));
});

/** Ways whose pauses take no time: the clock goes on by them. `known` has the keys that later logins were told. */
function ways(): { ways: Ways<TestHop>; pauses: number[]; known: (PublicKey | undefined)[]; pass: (ms: number) => void } {
  let now = 1_000_000;
  const pauses: number[] = [];
  const known: (PublicKey | undefined)[] = [];
  const made = new Ways<TestHop>({
    clock: { nowMs: () => now },
    random: () => 0.5,
    wait: (ms) => {
      pauses.push(ms);
      now += ms;
      return Promise.resolve();
    },
    connect: connectNodeSsh,
    scan: scanHostCertificate,
    logIn: (hop, way, key) => {
      known.push(key);
      return way.connect({ ...options(hop.port), host: hop.name, credentials: [{ kind: 'key', path: host.path(hop.key) }] });
    },
  });
  open.push(made);
  return { ways: made, pauses, known, pass: (ms) => (now += ms) };
}

describe('jump hosts', () => {
  it('one login serves all hosts behind it, and each of them gets a TCP connection of its own', async () => {
    await fresh();
    const { ways: all } = ways();
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => whoAmI(all, [nearHop()], `${i}`)));
    expect(answers).toEqual(Array.from({ length: 12 }, (_, i) => `${i}\n`));
    expect([toNear.connections, toHost.connections]).toEqual([1, 12]);
  });

  it('a chain shares what it begins with, and the scan takes it as well', async () => {
    await fresh();
    const { ways: all } = ways();
    const chain = [nearHop(), farHop()];
    const { hostKey } = await all.to(chain).scan({ address: '127.0.0.1', port: toHost.port });
    expect(hostKey).toEqual(host.hostKey());
    expect(await whoAmI(all, chain, 'far')).toBe('far\n');
    expect(await whoAmI(all, [nearHop()], 'near')).toBe('near\n');
    expect([toNear.connections, toFar.connections, toHost.connections]).toEqual([1, 1, 3]);
  });

  it('that are lost are opened anew, with the key that they had', async () => {
    await fresh();
    const { ways: all, known } = ways();
    const chain = [nearHop(), farHop()];
    await whoAmI(all, chain, 'before');
    toNear.cut();
    expect(await whoAmI(all, chain, 'after')).toBe('after\n');
    expect([toNear.connections, toFar.connections]).toEqual([2, 2]);
    expect(known.map((key) => key !== undefined)).toEqual([false, false, true, true]);
  });

  it('that do not let us in are asked once, for all hosts behind them, and are named', async () => {
    await fresh();
    const { ways: all, pass } = ways();
    const errors = await failures(all, [nearHop('stranger')], 5);
    expect(errors.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'ssh/auth-failed'));
    expect(errors[4]?.message).toMatch(/^jump host near: near does not let /);
    pass(3_600_000);
    await failures(all, [nearHop('stranger'), farHop()], 1);
    expect([toNear.connections, toFar.connections, toHost.connections]).toEqual([1, 0, 0]);
  });

  it('that cannot be reached are tried again only after a while', async () => {
    await fresh();
    const { ways: all, pass } = ways();
    toNear.dropNext(1000);
    const [error] = await failures(all, [nearHop()], 5);
    expect(error).toMatchObject({ code: 'ssh/dropped', message: 'jump host near: near hung up before the key exchange was over' });
    // the second jump host is not to blame for the first, and is not named
    expect((await failures(all, [nearHop(), farHop()], 5))[4]?.message).toBe(error?.message);
    expect(toNear.connections).toBe(6);
    pass(6_000);
    toNear.dropNext(0);
    expect(await whoAmI(all, [nearHop()], 'back')).toBe('back\n');
    expect(toNear.connections).toBe(7);
  });

  it('are logged out of at the end', async () => {
    await fresh();
    const { ways: all } = ways();
    const session = await all.to([nearHop(), farHop()]).connect(options(toHost.port));
    await all.close();
    await expect(session.run(['id'])).rejects.toMatchObject({ code: 'ssh/lost' });
  });
});

describe('connections that are dropped', () => {
  it.each(['', 'Exceeded MaxStartups\r\n'])('before the host has introduced itself (%j) are tried again, later and later', async (words) => {
    await fresh();
    const { ways: all, pauses } = ways();
    toHost.dropNext(3, words);
    expect(await whoAmI(all, [], 'in')).toBe('in\n');
    expect(pauses).toEqual([125, 250, 500]);
    toHost.dropNext(1, words);
    expect((await all.to([]).scan({ address: '127.0.0.1', port: toHost.port })).hostKey).toEqual(host.hostKey());
  });

  it('at a jump host, too', async () => {
    await fresh();
    const { ways: all } = ways();
    toNear.dropNext(2);
    toFar.dropNext(2);
    expect(await whoAmI(all, [nearHop(), farHop()], 'in')).toBe('in\n');
  });

  it('again and again are given up, by number and by time', async () => {
    await fresh();
    const { ways: all, pauses } = ways();
    toHost.dropNext(100, 'go away\r\n');
    await expect(all.to([]).connect(options(toHost.port))).rejects.toMatchObject({ code: 'ssh/dropped', exit: 5, message: expect.stringContaining('"go away"') as string });
    expect([toHost.connections, pauses.length]).toEqual([6, 5]);
    await expect(all.to([]).connect({ ...options(toHost.port), connectTimeoutMs: 300 })).rejects.toMatchObject({ code: 'ssh/dropped' });
    // 125 ms, and 250 more would be too late
    expect([toHost.connections, pauses.length]).toEqual([8, 6]);
  });

  it('for a penalty are named as such', async () => {
    await fresh();
    const { ways: all } = ways();
    toHost.dropNext(100, 'Not allowed at this time\r\n');
    await expect(all.to([]).connect(options(toHost.port))).rejects.toMatchObject({ code: 'ssh/penalized', exit: 5 });
  });

  it('failed logins and closed ports are not: the one costs a penalty, the other stays so', async () => {
    await fresh();
    const { ways: all, pauses } = ways();
    await expect(all.to([]).connect({ ...options(toHost.port), credentials: [{ kind: 'key', path: host.path('stranger') }] })).rejects.toMatchObject({ code: 'ssh/auth-failed' });
    expect(toHost.connections).toBe(1);
    const gone = await TcpProxy.start(host.port);
    await gone.stop();
    await expect(all.to([]).connect(options(gone.port))).rejects.toMatchObject({ code: 'ssh/refused' });
    await expect(all.to([nearHop()]).connect(options(gone.port))).rejects.toMatchObject({ code: 'ssh/refused' });
    expect(pauses).toEqual([]);
  });
});

async function whoAmI(all: Ways<TestHop>, jump: readonly TestHop[], word: string): Promise<string> {
  const session = await all.to(jump).connect(options(toHost.port));
  const { stdout } = await session.run(['echo', word]);
  await session.close();
  return stdout;
}

async function failures(all: Ways<TestHop>, jump: readonly TestHop[], count: number): Promise<AppError[]> {
  const results = await Promise.all(Array.from({ length: count }, () => all.to(jump).connect(options(toHost.port)).catch((error: unknown) => error)));
  return results.filter((result) => result instanceof AppError);
}

function nearHop(key = 'key'): TestHop {
  return { name: 'near', address: '127.0.0.1', port: toNear.port, key };
}

function farHop(): TestHop {
  return { name: 'far', address: '127.0.0.1', port: toFar.port, key: 'key' };
}

function options(port: number): ConnectOptions {
  return { host: 'test-host', address: '127.0.0.1', port, user: host.user, credentials: [{ kind: 'key', path: host.path('key') }], hostKey: () => ({ accepted: true, how: 'pinned' }), become: 'none' };
}

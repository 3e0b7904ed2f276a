import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { AppError } from '../../../src/base/errors.ts';
import { connectTrusted, type HostTrust, type TrustTarget } from '../../../src/cli/host-trust.ts';
import type { Io } from '../../../src/cli/io.ts';
import { parseKnownHosts } from '../../../src/ssh/known-hosts.ts';
import type { HostSession } from '../../../src/ssh/session.ts';
import type { Way } from '../../../src/ssh/ways.ts';
import type { PublicKey } from '../../../src/wire/public-key.ts';
import { ed25519Key } from '../../support/test-ca.ts';

const HOST: TrustTarget = { name: 'gate.example.com', address: '10.0.0.1', port: 22, firstContact: 'accept-new', hostKey: undefined, connectTimeout: undefined };

let folder: string;
let trust: HostTrust;
let notes: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-trust-'));
  trust = { knownHosts: parseKnownHosts('', 'none'), ownFile: join(folder, 'known_hosts'), met: new Map() };
  notes = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A host that shows this key, and lets in or not. */
function wayTo(key: PublicKey, login: Promise<unknown> = Promise.resolve()): Way {
  return {
    connect: async ({ hostKey }) => {
      const verdict = hostKey(key);
      if (!verdict.accepted) throw verdict.error;
      await login;
      return { close: () => Promise.resolve() } as HostSession;
    },
    scan: () => Promise.reject(new AppError('ssh/refused', 'no')),
  };
}

function meet(key: PublicKey, target: TrustTarget = HOST, login?: Promise<unknown>): Promise<HostSession> {
  const io = { note: (line: string) => void notes.push(line), clock: systemClock } as unknown as Io;
  return connectTrusted(io, trust, target, wayTo(key, login), { host: target.name, address: target.address, port: target.port, user: 'ops', credentials: [], become: 'none' });
}

function written(): string[] {
  return readFileSync(join(folder, 'known_hosts'), 'utf8').trim().split('\n');
}

it('who is met twice in a run, as a jump host and as a host, is written down and reported once', async () => {
  const key = ed25519Key();
  await Promise.all([meet(key), meet(key)]);
  await meet(key);
  expect(written()).toHaveLength(1);
  expect(notes).toHaveLength(1);
});

it('row 20: who shows another key the second time is refused, also while the first login is under way', async () => {
  const first = meet(ed25519Key(), HOST, new Promise((resolve) => setImmediate(resolve)));
  await expect(meet(ed25519Key())).rejects.toMatchObject({ code: 'ssh/host-key-changed' });
  await first;
  expect(written()).toHaveLength(1);
});

it('a first contact that did not log in is not written down, and a later one of the run is', async () => {
  const key = ed25519Key();
  await expect(meet(key, HOST, Promise.reject(new AppError('ssh/auth-failed', 'no')))).rejects.toMatchObject({ code: 'ssh/auth-failed' });
  expect(notes).toEqual([]);
  await meet(key);
  expect(written()).toHaveLength(1);
});

it('a policy that asks for a known key is not loosened by another way to the same host', async () => {
  const key = ed25519Key();
  await meet(key);
  await expect(meet(key, { ...HOST, firstContact: 'known-hosts' })).rejects.toMatchObject({ code: 'ssh/host-key-unknown' });
});

it('one private address behind two jump hosts is two machines', async () => {
  await meet(ed25519Key());
  await meet(ed25519Key(), { ...HOST, name: 'other.example.com' });
  expect(written()).toHaveLength(2);
});

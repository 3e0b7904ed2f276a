import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { Secret } from '../../../src/base/secret.ts';
import { createCa } from '../../../src/ca/create.ts';
import { readAuthorities, withStore } from '../../../src/ca/open.ts';
import { verifyLedger, type LedgerReport } from '../../../src/ca/verify-ledger.ts';

const CHILD = fileURLToPath(new URL('../../support/issuing-child.ts', import.meta.url));
let folder: string;
let directory: string;
let passphraseFile: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-processes-'));
  directory = join(folder, 'ca');
  passphraseFile = join(folder, 'passphrase');
  writeFileSync(passphraseFile, 'a passphrase', { mode: 0o600 });
  await createCa({ directory, organization: 'Acme', clock: systemClock, keys: { from: 'new', type: 'ed25519', passphrase: new Secret('a passphrase'), rounds: 1 } });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Child {
  readonly process: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<unknown>;
  /** Resolves when so many lines were printed, or the process is gone. */
  printed(count: number): Promise<void>;
}

function start(count: number, host: string, wrap: readonly string[] = []): Child {
  // env runs what follows it
  const child = spawn('env', [...wrap, process.execPath, '--import', 'tsx', CHILD, directory, passphraseFile, String(count), host], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const ended = once(child, 'close');
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line));
  const printed = async (wanted: number): Promise<void> => {
    while (lines.length < wanted && child.exitCode === null && child.signalCode === null) await Promise.race([once(reader, 'line'), ended]);
  };
  return { process: child, lines, ended, printed };
}

async function verify(): Promise<LedgerReport & { serials: Set<string> }> {
  const authorities = Object.values(await readAuthorities(directory));
  return withStore(directory, (store) =>
    store.read(async (reader) => {
      const rows = await reader.serials(0, Number.MAX_SAFE_INTEGER);
      return { ...(await verifyLedger(reader, { authorities })), serials: new Set(rows.map((r) => BigInt(`0x${r.serial}`).toString())) };
    }),
  );
}

it('kill -9 in the middle of issuing leaves a sound ledger that knows every certificate that left', async () => {
  const left: string[] = [];
  for (const after of [2, 5, 9]) {
    const child = start(10_000, 'staging/web');
    await child.printed(1 + after);
    child.process.kill('SIGKILL');
    await child.ended;
    const serials = child.lines.slice(1).filter((line) => /^\d+$/.test(line));
    expect(serials.length).toBeGreaterThanOrEqual(after);
    left.push(...serials);
    const report = await verify();
    expect(report.problems).toEqual([]);
    expect(left.filter((serial) => !report.serials.has(serial))).toEqual([]);
  }
  // and it goes on from there
  const child = start(3, 'staging/web');
  await child.ended;
  expect(child.lines).toHaveLength(4);
  expect((await verify()).problems).toEqual([]);
}, 120_000);

it('two processes at once: unique serials, one unbroken chain, and a name for one host only', async () => {
  const children = [start(40, 'staging/a'), start(40, 'production/a')];
  await Promise.all(children.map((child) => child.ended));
  const [first = [], second = []] = children.map((child) => child.lines.slice(1));
  expect([first.length, second.length]).toEqual([40, 40]);
  // both wanted name-0 to name-39: for each name one of them won and the other was told so
  for (const [i, answer] of first.entries()) expect([answer, second[i]].filter((line) => line === 'ca/name-taken')).toHaveLength(1);
  const issued = [...first, ...second].filter((line) => /^\d+$/.test(line));
  expect(new Set(issued).size).toBe(40);
  const report = await verify();
  expect(report).toMatchObject({ problems: [], certificates: 40 });
  // two authorities, 40 issued, 40 refused
  expect(report.records).toBe(82);
}, 120_000);

describe('attack row 24: no space left in the middle of an append', () => {
  const canMount = process.getuid?.() === 0 && mountWorks();
  it.skipIf(!canMount)('issues nothing that it could not record, and what was recorded stays sound', async () => {
    // a disk of its own for the store, in a mount namespace that is gone with the process
    const copy = join(folder, 'copy');
    const out = join(folder, 'out');
    execFileSync('cp', ['-a', directory, copy]);
    execFileSync('mkdir', ['-m', '700', out]);
    const run = 'out=$2; mount -t tmpfs -o size=400k,mode=700 tmpfs "$0" && cp -a "$1"/. "$0"/ && shift 2 && "$@"; rc=$?; cp -a "$0"/. "$out"/; exit $rc';
    const child = start(2000, 'staging/web', ['unshare', '-m', 'sh', '-c', run, directory, copy, out]);
    await child.ended;
    const answers = child.lines.slice(1);
    expect(answers).toContain('ca/store-full');
    expect(answers.filter((line) => !/^\d+$/.test(line) && line !== 'ca/store-full')).toEqual([]);
    rmSync(directory, { recursive: true });
    execFileSync('cp', ['-a', out, directory]);
    expect(readdirSync(directory)).toContain('ensign.db');
    const report = await verify();
    expect(report.problems).toEqual([]);
    expect(answers.filter((line) => /^\d+$/.test(line) && !report.serials.has(line))).toEqual([]);
  }, 120_000);
});

function mountWorks(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

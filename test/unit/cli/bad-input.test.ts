import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Command } from 'commander';
import { systemClock } from '../../../src/base/clock.ts';
import { commands } from '../../../src/cli/commands.ts';
import type { Io } from '../../../src/cli/io.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { report } from '../../../src/cli/run.ts';
import { Terminal } from '../../../src/cli/terminal.ts';

// Whatever a person gives: exit code 2, a line with a code, a hint, no stack trace, nothing on stdout, nothing written.

const FOLDER = mkdtempSync(join(tmpdir(), 'ensign-bad-'));
const TEMPLATE = join(FOLDER, 'template');
const HERE = join(FOLDER, 'here');
const PASSPHRASE = 'correct horse battery';

/** Arguments with which each command gets as far as its input lets it. None of them reaches a network. */
const GOOD: Readonly<Record<string, readonly string[]>> = {
  init: ['new', '--yes', '--new-passphrase-file', 'new-passphrase'],
  'ca show': [],
  'ca sign': ['--principal', 'staging/sre', 'key.pub'],
  'ca log': [],
  'ca verify-log': [],
  'ca forget': ['staging/gone', '--yes'],
  inventory: ['-i', 'inv.yaml'],
  'inventory fmt': ['inv.yaml'],
  'known-hosts': ['-i', 'inv.yaml'],
  plan: ['-i', 'inv.yaml'],
  apply: ['-i', 'inv.yaml', '--yes'],
  status: ['-i', 'inv.yaml'],
  scan: ['127.0.0.1:1'],
};
const OF_FLEET = ['plan', 'apply', 'status'];
const WITH_INVENTORY = ['inventory', 'known-hosts', ...OF_FLEET];
const WITH_WORKSPACE = ['ca show', 'ca sign', 'ca log', 'ca verify-log', 'ca forget', 'known-hosts', ...OF_FLEET];
const SIGNING = ['ca sign', 'apply'];

interface Ended {
  readonly out: string;
  readonly note: string;
  readonly code: unknown;
}

beforeAll(async () => {
  mkdirSync(TEMPLATE);
  writeFileSync(join(FOLDER, 'pass'), `${PASSPHRASE}\n`, { mode: 0o600 });
  const made = await run(['init', TEMPLATE, '--yes', '--passphrase-file', join(FOLDER, 'pass')], FOLDER);
  expect(made.code).toBe(0);
  writeFileSync(join(TEMPLATE, 'inv.yaml'), 'version: 1\nenvironment: staging\nhosts:\n  web-01.example: { address: 127.0.0.1, port: 1, identityFile: /nonexistent/key }\n');
  writeFileSync(join(TEMPLATE, 'key.pub'), 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEyVyUqIOYEGenys98Mec4h54CZZNNuJZ0ll0pQwUWrS me\n');
  mkdirSync(join(TEMPLATE, 'folder'));
  writeFileSync(join(TEMPLATE, 'empty'), '', { mode: 0o600 });
  writeFileSync(join(TEMPLATE, 'junk'), Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 197 + 13) % 256)), { mode: 0o600 });
  writeFileSync(join(TEMPLATE, 'wrong'), 'not the passphrase\n', { mode: 0o600 });
  writeFileSync(join(TEMPLATE, 'open'), `${PASSPHRASE}\n`, { mode: 0o644 });
  chmodSync(join(TEMPLATE, 'open'), 0o644);
});

beforeEach(() => {
  rmSync(HERE, { recursive: true, force: true });
  cpSync(TEMPLATE, HERE, { recursive: true, preserveTimestamps: true });
});

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

async function run(argv: readonly string[], cwd = HERE, io: Partial<Io> = {}): Promise<Ended> {
  const out: string[] = [];
  const note: string[] = [];
  const whole: Io = {
    clock: systemClock, cwd, env: { HOME: join(FOLDER, 'home') }, interactive: false, terminal: new Terminal(), colour: false, columns: undefined, interrupted: new AbortController().signal,
    out: (line) => void out.push(line), note: (line) => void note.push(line), ...io,
  };
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await runProgram(whole, argv, commands).catch((error: unknown) => {
      process.exitCode = report(whole, argv.includes('--json'), error);
    });
    return { out: out.join('\n'), note: note.join('\n'), code: process.exitCode };
  } finally {
    process.exitCode = before;
  }
}

function words(command: string, ...args: readonly string[]): string[] {
  return [...command.split(' '), ...args];
}

/** Everything in the folder: names, modes and bytes. */
function tree(): Record<string, string> {
  const paths = readdirSync(HERE, { recursive: true, encoding: 'utf8' });
  // SQLite's own companions of the store come and go
  return Object.fromEntries(paths.filter((path) => !/ensign\.db-(?:wal|shm)$/.test(path)).map((path) => {
    const stat = statSync(join(HERE, path));
    return [path, `${stat.mode.toString(8)} ${stat.isFile() ? readFileSync(join(HERE, path)).toString('base64') : ''}`];
  }));
}

/** Runs it twice, for people and with --json; both must refuse in the same way. Returns the error as data. */
async function refused(argv: readonly string[], code: string | RegExp, exit = 2): Promise<{ readonly code: string; readonly message: string }> {
  const before = tree();
  const human = await run(argv);
  expect(human.note).not.toMatch(/^\s+at |unexpected|\[object|undefined/m);
  expect(human.note).toMatch(/^error .*\[[a-z-]+\/[a-z-]+\]$/m);
  expect(human.note).toMatch(/^hint {2}\S/m);
  expect(human).toMatchObject({ out: '', code: exit });
  const json = await run([...argv, '--json']);
  expect(json).toMatchObject({ out: '', code: exit });
  const { error } = JSON.parse(json.note) as { error: { code: string; message: string; hint?: string; exit: number; details?: readonly { hint?: string }[] } };
  expect(error.code).toMatch(code);
  expect(error.exit).toBe(exit);
  expect(human.note).toContain(error.message);
  // a list of mistakes has a hint for each
  for (const { hint } of error.details ?? [error]) expect(human.note).toContain(hint ?? 'no hint');
  expect(tree()).toEqual(before);
  return error;
}

test('every command is tried here', () => {
  // ca alone does nothing, inventory alone does something
  const leaves = (command: Command, path: string): string[] => [...(command.commands.length === 0 || command.options.length > 0 ? [path + command.name()] : []), ...command.commands.flatMap((c) => leaves(c, `${path}${command.name()} `))];
  const io = { cwd: HERE, env: {} } as Io;
  expect(commands.flatMap((factory) => leaves(factory(io), '')).filter((name) => name !== 'help').sort()).toEqual(Object.keys(GOOD).sort());
});

describe.each(Object.entries(GOOD))('ensign %s', (command, good) => {
  test('with a flag that does not exist', async () => {
    expect((await refused(words(command, ...good, '--no-such-flag'), 'cli/unknown-option')).message).toContain('--no-such-flag');
  });

  test('without what it needs', async () => {
    const required = good.filter((word, i) => !word.startsWith('-') && word !== 'new' && good[i - 1] !== '--principal' && good[i - 1] !== '--new-passphrase-file');
    if (required.length > 0) await refused(words(command), command === 'scan' ? 'scan/no-target' : /^cli\/missing-/);
  });

  test('with a word too many', async () => {
    if (!['ca sign', 'scan', 'known-hosts', 'inventory fmt'].includes(command)) await refused(words(command, ...good, 'surplus'), 'cli/excess-arguments');
  });
});

describe.each(WITH_WORKSPACE)('ensign %s, the workspace', (command) => {
  const good = GOOD[command] ?? [];

  test('is not there', async () => {
    rmSync(join(HERE, 'ensign.yaml'));
    await refused(words(command, ...good), 'workspace/not-found');
    await refused(words(command, ...good, '--workspace', 'nowhere'), 'workspace/not-found');
    await refused(words(command, ...good, '--workspace', 'key.pub'), 'workspace/not-found');
  });

  test.each(['junk', 'empty', 'key.pub'])('has %s for its ensign.yaml', async (file) => {
    copyFileSync(join(HERE, file), join(HERE, 'ensign.yaml'));
    await refused(words(command, ...good), /^config\//);
  });

  test('has a folder for its ensign.yaml', async () => {
    rmSync(join(HERE, 'ensign.yaml'));
    mkdirSync(join(HERE, 'ensign.yaml'));
    await refused(words(command, ...good), 'workspace/not-found');
  });

  test('has no CA', async () => {
    rmSync(join(HERE, 'ca'), { recursive: true });
    await refused(words(command, ...good), 'ca/missing');
  });

  test.each(['junk', 'empty'])('has %s for its ledger', async (file) => {
    if (command === 'known-hosts') return;
    copyFileSync(join(HERE, file), join(HERE, 'ca/ensign.db'));
    await refused(words(command, ...good), /^ca\//, 2);
  });

  test.each(['junk', 'empty'])('has %s for the public halves of its keys', async (file) => {
    for (const purpose of ['user', 'host']) copyFileSync(join(HERE, file), join(HERE, `ca/${purpose}_ca.pub`));
    if (command === 'ca log') return;
    await refused(words(command, ...good), /^(?:ca|wire)\//);
  });
});

describe.each(WITH_INVENTORY)('ensign %s, the inventory', (command) => {
  const without = (GOOD[command] ?? []).filter((word) => word !== '-i' && word !== 'inv.yaml');

  test.each([['nowhere', 'inventory/unreadable'], ['folder', 'inventory/unreadable'], ['key.pub/inv', 'inventory/unreadable'], ['junk', 'inventory/not-text'], ['empty', /^inventory\//], ['key.pub', /^inventory\//], ['ensign.yaml', /^inventory\//]])('is %s', async (file, code) => {
    await refused(words(command, '-i', file, ...without), code);
  });

  test('matches no --limit', async () => {
    if (command === 'known-hosts') return;
    await refused(words(command, ...(GOOD[command] ?? []), '--limit', 'db-*'), /^inventory\//);
    await refused(words(command, ...(GOOD[command] ?? []), '--limit', '@nobody'), /^inventory\//);
    await refused(words(command, ...(GOOD[command] ?? []), '--limit', ''), /^inventory\//);
  });
});

describe.each(OF_FLEET)('ensign %s, the profile of a host', (command) => {
  test.each([['nope', 'inventory/unknown-profile'], ['proof', 'inventory/unknown-profile'], ['user', 'inventory/wrong-profile']])('is %s', async (profile, code) => {
    writeFileSync(join(HERE, 'inv.yaml'), readFileSync(join(HERE, 'inv.yaml'), 'utf8').replace('{ address', `{ profile: ${profile}, address`));
    expect((await refused(words(command, ...(GOOD[command] ?? [])), code)).message).toContain('web-01.example');
  });
});

describe.each(SIGNING)('ensign %s, the passphrase', (command) => {
  const good = GOOD[command] ?? [];

  test.each([
    ['is wrong', ['--passphrase-file', 'wrong'], 'ca/wrong-passphrase'],
    ['can be read by others', ['--passphrase-file', 'open'], 'ca/unsafe-permissions'],
    ['is not there', ['--passphrase-file', 'nowhere'], 'ca/missing'],
    ['is a folder', ['--passphrase-file', 'folder'], /^ca\//],
    ['is empty', ['--passphrase-file', 'empty'], 'workspace/bad-passphrase'],
    ['is binary', ['--passphrase-file', 'junk'], /^workspace\/bad-passphrase$/],
    ['comes from two places', ['--passphrase-file', 'wrong', '--passphrase-fd', '3'], 'workspace/bad-passphrase'],
    ['comes from no number', ['--passphrase-fd', 'three'], 'workspace/bad-passphrase'],
    ['comes from a descriptor that is not open', ['--passphrase-fd', '999'], 'workspace/bad-passphrase'],
  ])('%s', async (_what, flags, code) => {
    await refused(words(command, ...good, ...flags), code);
  });

  test('is needed, and there is nobody to ask', async () => {
    writeFileSync(join(HERE, 'ensign.yaml'), readFileSync(join(HERE, 'ensign.yaml'), 'utf8').replace(/^ {2}passphraseFile:.*$/m, ''));
    await refused(words(command, ...good), 'workspace/no-passphrase');
  });
});

describe('values of flags', () => {
  test.each([
    ...OF_FLEET.flatMap((command): [string[], string | RegExp][] => [
      [words(command, '-i', 'inv.yaml', '--concurrency', '0'), 'cli/invalid-argument'],
      [words(command, '-i', 'inv.yaml', '--concurrency', '201'), 'cli/invalid-argument'],
      [words(command, '-i', 'inv.yaml', '--concurrency', 'many'), 'cli/invalid-argument'],
      [words(command, ...(GOOD[command] ?? []), '--become-password-file', 'nowhere'), 'ca/missing'],
      [words(command, ...(GOOD[command] ?? []), '--become-password-file', 'open'), 'ca/unsafe-permissions'],
      [words(command, ...(GOOD[command] ?? []), '--become-password-file', 'folder'), /^ca\//],
      [words(command, ...(GOOD[command] ?? []), '--ask-become-password'), 'ssh/no-terminal'],
    ]),
    ...['5', '4s', '11m', '0s', '', '1e3s', '-5s'].map((time): [string[], string] => [words('apply', '-i', 'inv.yaml', '--yes', '--undo-after', time), 'cli/invalid-argument']),
    [words('apply', '-i', 'inv.yaml'), 'apply/not-confirmed'],
    [words('init', 'new'), 'init/not-interactive'],
    [words('init', 'new', '--yes'), 'init/no-passphrase'],
    [words('init', '.', '--yes', '--new-passphrase-file', 'other'), 'init/exists'],
    [words('init', 'new', '--yes', '--new-passphrase-file', 'key.pub'), 'init/exists'],
    [words('init', 'new', '--yes', '--new-passphrase-file', 'key.pub/pass'), /^init\//],
    [words('init', 'key.pub/new', '--yes', '--new-passphrase-file', 'pass'), /^init\//],
    [words('init', 'new', '--yes', '--passphrase-file', 'open'), 'ca/unsafe-permissions'],
    [words('init', 'new', '--yes', '--key-type', 'dsa', '--new-passphrase-file', 'pass'), 'cli/invalid-argument'],
    [words('init', 'new', '--yes', '--organization', '', '--new-passphrase-file', 'pass'), 'init/organization'],
    [words('init', 'new', '--yes', '--user-key', 'key.pub'), 'init/flags'],
    [words('init', 'new', '--yes', '--user-key', 'nowhere', '--host-key', 'key.pub'), /\//],
    [words('init', 'new', '--yes', '--user-key', 'junk', '--host-key', 'key.pub'), /\//],
    [words('ca', 'forget', 'staging/gone'), 'ca/unknown-host'],
    [words('ca', 'forget', '', '--yes'), 'ca/unknown-host'],
    [words('ca', 'sign', 'key.pub', '--profile', 'nope'), 'ca/unknown-profile'],
    [words('ca', 'sign', 'key.pub', '--profile', 'proof'), 'ca/unknown-profile'],
    [words('ca', 'sign', 'key.pub', '--profile', 'host', '--principal', 'web-01.example'), 'ca/flags'],
    [words('ca', 'sign', 'key.pub', '--principal', 'staging/sre', '--ttl', '16'), 'duration/invalid'],
    [words('ca', 'sign', 'key.pub', 'key.pub', '--principal', 'staging/sre'), 'ca/flags'],
    [words('ca', 'sign', 'key.pub', '--principal', 'sre', '--environment', 'a b'), 'ca/flags'],
    [words('ca', 'verify-log', '--head', 'x'), 'cli/invalid-argument'],
    ...['nowhere', 'folder', 'empty', 'key.pub', 'ensign.yaml', 'junk', 'inv.yaml empty', '--check empty'].map((args): [string[], RegExp] => [words('inventory fmt', ...args.split(' ')), /^inventory\//]),
    [words('inventory fmt', 'inv.yaml', '-'), 'inventory/stdin'],
    [words('scan', '127.0.0.1:1', '--timeout', '5'), 'duration/invalid'],
    [words('scan', '127.0.0.1:0'), 'scan/bad-target'],
    [words('scan', 'a b'), 'scan/bad-target'],
    [words('scan', ''), 'scan/bad-target'],
    ...['nowhere', 'folder'].map((file): [string[], RegExp] => [words('scan', '127.0.0.1:1', '--authority', file), /^ca\//]),
    [words('scan', '127.0.0.1:1', '--authority', 'junk'), /\//],
    [words('scan', '127.0.0.1:1', '--authority', 'empty'), /^ca\//],
    [words('known-hosts', '-i', 'inv.yaml', '--install', 'folder'), /\//],
    [words('known-hosts', '-i', 'inv.yaml', '--install', 'key.pub/known_hosts'), /\//],
  ])('%j', async (argv, code) => {
    await refused(argv, code);
  });
});

describe('keys to sign', () => {
  // each key has a line of its own, because others of the same run may be good
  test.each(['nowhere', 'folder', 'junk', 'empty', 'inv.yaml', 'ca/user_ca'])('%s', async (file) => {
    const before = tree();
    const { out, note, code } = await run(words('ca', 'sign', '--principal', 'staging/sre', file));
    expect(note).toMatch(/^refused .*\[[a-z-]+\/[a-z-]+\]\nhint {2}\S/m);
    expect(note).not.toMatch(/^\s+at /m);
    expect({ out, code }).toEqual({ out: '', code: 2 });
    expect(tree()).toEqual(before);
  });
});

describe('what a host needs, and is not there, is the host\'s line and not the end of the run', () => {
  test.each(OF_FLEET)('%s with a private key that is not there', async (command) => {
    const { out, note, code } = await run(words(command, ...(GOOD[command] ?? [])));
    expect({ code, named: out.includes('web-01.example') }).toEqual({ code: command === 'status' ? 5 : 4, named: true });
    expect(out + note).not.toMatch(/^\s+at /m);
  });
});

test('paths in messages are as they were given', async () => {
  expect((await refused(words('plan', '-i', 'nowhere.yaml'), 'inventory/unreadable')).message).not.toContain(relative('/', HERE));
});

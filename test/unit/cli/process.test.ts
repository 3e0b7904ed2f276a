import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

// What only a process has: descriptors that are closed, readers that go away, signals.

const folder = mkdtempSync(join(tmpdir(), 'ensign-process-'));
const workspace = join(folder, 'ws');
const ENSIGN = [process.execPath, '--import', import.meta.resolve('tsx'), new URL('../../../src/main.ts', import.meta.url).pathname];

beforeAll(() => {
  execFileSync(ENSIGN[0] ?? '', [...ENSIGN.slice(1), 'init', workspace, '--yes', '--new-passphrase-file', join(folder, 'pass')]);
  writeFileSync(join(workspace, 'inv.yaml'), 'version: 1\nenvironment: staging\nhosts:\n  web-01.example: { address: 127.0.0.1, port: 1 }\n');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a line of shell in the workspace in which "$@" is ensign. */
function shell(line: string, signal?: { readonly name: NodeJS.Signals; readonly after: RegExp }): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn('sh', ['-c', line, 'sh', ...ENSIGN], { cwd: workspace, env: { PATH: process.env['PATH'], HOME: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      if (signal?.after.test(stdout) === true) child.kill(signal.name);
    });
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('without anybody to answer', () => {
  test.each([
    ['apply -i inv.yaml', 'apply/not-confirmed'],
    ['init new', 'init/not-interactive'],
    ['plan -i inv.yaml --ask-become-password', 'ssh/no-terminal'],
  ])('%s, stdin closed', async (command, code) => {
    const before = readdirSync(workspace);
    const ended = await shell(`"$@" ${command} <&-`);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(`[${code}]`) as string });
    expect(readdirSync(workspace)).toEqual(before);
  });
});

describe('readers that go away', () => {
  test('on stdout: the exit code still says how it ended', async () => {
    const ended = await shell(`{ "$@" plan -i inv.yaml; echo "exit $?" >&2; } | true`);
    expect(ended.stderr).toMatch(/exit 4\n$/);
    expect(ended.stderr).not.toMatch(/EPIPE|^\s+at /m);
  });

  test('on stdout and stderr', async () => {
    const ended = await shell(`exec 3>&1; { "$@" plan -i inv.yaml 2>&1; echo "exit $?" >&3; } | true`);
    expect(ended.stdout).toBe('exit 4\n');
  });

  // a pipe tells only a writer that nobody reads, so something has to be written: refusals are
  test('of a log that is followed: it ends with the next record', async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(workspace, 'key')]);
    const ended = await shell(`{ "$@" ca log --follow; echo "ended" >&2; touch over; } | head -n 1 & while ! [ -e over ]; do "$@" ca sign --profile user --principal 'a b' key.pub >refused 2>&1; done`);
    expect(ended.stdout).toMatch(/authority-created/);
    expect(ended.stderr).toBe('ended\n');
  });
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends with 130', async (name) => {
  expect(await shell('exec "$@" ca log --follow', { name, after: /authority-created/ })).toMatchObject({ code: 130, stderr: '' });
});

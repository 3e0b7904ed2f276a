import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applyCommand } from '../../../src/cli/apply.ts';
import { initCommand } from '../../../src/cli/init.ts';
import { planCommand } from '../../../src/cli/plan.ts';
import { statusCommand } from '../../../src/cli/status.ts';
import { runCommand } from '../../support/run-command.ts';

// hosts that take a connection, say nothing and hang up: what counts is how many are talked to at once

let folder: string;
let server: Server;
let open = 0;
let most = 0;
let connections = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-at-once-'));
  mkdirSync(join(folder, 'home'));
  writeFileSync(join(folder, 'pass'), 'correct horse battery\n', { mode: 0o600 });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')], { timeout: 20_000 });
  server = createServer((socket) => {
    connections += 1;
    most = Math.max(most, ++open);
    socket.on('close', () => (open -= 1)).on('error', () => undefined);
    setTimeout(() => socket.destroy(), 50);
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  expect((await runCommand(initCommand, ['init', 'ws', '--yes', '--passphrase-file', 'pass'], { cwd: folder, env: {} })).code).toBe(0);
  const { port } = server.address() as AddressInfo;
  const hosts = ['127.0.0.2', '127.0.0.3'].map((address) => `      h${address.at(-1) ?? ''}.example: { address: ${address} }\n`).join('');
  writeFileSync(join(folder, 'ws/inv.yaml'), `version: 1\nenvironment: staging\ndefaults: { port: ${port}, identityFile: ${join(folder, 'key')}, user: ops, connectTimeout: 2s }\ngroups:\n  outer: { concurrency: 1 }\n  db:\n    groups: [outer]\n    hosts:\n${hosts}`);
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

it.each([
  ['plan', planCommand, []],
  ['status', statusCommand, []],
  ['apply', applyCommand, ['--yes', '--passphrase-file', '../pass']],
] as const)('%s talks to one host of a group at a time when the group says so, an outer one, too', async (name, command, more) => {
  [most, connections] = [0, 0];
  const { code } = await runCommand(command, [name, '-i', 'inv.yaml', '--json', ...more], { cwd: join(folder, 'ws'), env: { HOME: join(folder, 'home') } });
  expect([4, 5]).toContain(code);
  expect(connections).toBeGreaterThanOrEqual(2);
  expect(most).toBe(1);
});

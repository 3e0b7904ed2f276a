import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { caCommand } from '../../../src/cli/ca.ts';
import { initCommand } from '../../../src/cli/init.ts';
import { runCommand } from '../../support/run-command.ts';

it('authorities that an ssh-agent holds are set up with their public keys, and sign', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ensign-held-'));
  const socket = join(folder, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(agent, 'exit');
  try {
    await once(agent.stdout, 'data');
    const env = { SSH_AUTH_SOCK: socket };
    for (const name of ['held-user', 'held-host']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
      execFileSync('ssh-add', ['-q', join(folder, name)], { env, stdio: 'pipe' });
      rmSync(join(folder, name));
    }
    const flags = ['--yes', '--user-key', 'held-user.pub', '--host-key', 'held-host.pub'];
    expect(await runCommand(initCommand, ['init', 'held', ...flags], { cwd: folder })).toMatchObject({ code: 2, note: expect.stringContaining('ca/agent-unavailable') as unknown });
    expect(existsSync(join(folder, 'held'))).toBe(false);
    expect(await runCommand(initCommand, ['init', 'held', '--yes', '--user-key', 'held-user.pub'], { cwd: folder })).toMatchObject({ code: 2, note: expect.stringContaining('init/flags') as unknown });
    // one key for both would let hosts log in
    const same = ['--yes', '--user-key', 'held-user.pub', '--host-key', 'held-user.pub'];
    expect(await runCommand(initCommand, ['init', 'held', ...same], { cwd: folder, env })).toMatchObject({ code: 2, note: expect.stringContaining('ca/key-mismatch') as unknown });
    expect(existsSync(join(folder, 'held'))).toBe(false);
    expect((await runCommand(initCommand, ['init', 'held', ...flags], { cwd: folder, env })).code).toBe(0);
    expect(readdirSync(join(folder, 'held', 'ca')).sort()).toEqual(['ensign.db', 'host_ca.pub', 'user_ca.pub']);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'id')]);
    const sign = ['ca', 'sign', '-w', 'held', '-n', 'staging/sre', 'id.pub'];
    expect(await runCommand(caCommand, sign, { cwd: folder })).toMatchObject({ code: 2, note: expect.stringContaining('ca/agent-unavailable') as unknown });
    expect((await runCommand(caCommand, sign, { cwd: folder, env })).code).toBe(0);
    expect((await runCommand(caCommand, ['ca', 'verify-log', '-w', 'held'], { cwd: folder })).code).toBe(0);
  } finally {
    agent.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
});

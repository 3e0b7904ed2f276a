import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { planCommand } from '../../../src/cli/plan.ts';
import { atTerminal, typing, type TerminalRun, type Typist } from '../../support/at-terminal.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';
import { runCommand, type Ran } from '../../support/run-command.ts';

// Questions that a person answers at a terminal, and what happens where there is none.

// each test starts the whole program
vi.setConfig({ testTimeout: 150_000, hookTimeout: 60_000 });

const PASSPHRASE = 'canary pässphrase';
const folder = mkdtempSync(join(tmpdir(), 'ensign-prompts-'));
const workspace = join(folder, 'ws');
const ENSIGN = [process.execPath, '--import', import.meta.resolve('tsx'), new URL('../../../src/main.ts', import.meta.url).pathname];
const env = { PATH: process.env['PATH'] ?? '', HOME: folder, LANG: 'C.UTF-8' };
const servers: ssh2.Server[] = [];
let sshd: LocalSshd;

beforeAll(async () => {
  execFileSync(ENSIGN[0] ?? '', [...ENSIGN.slice(1), 'init', workspace, '--yes', '--new-passphrase-file', join(folder, 'pass')], { stdio: 'ignore' });
  sshd = await LocalSshd.start({ config: ['ListenAddress 127.0.0.2'], prepare: (directory) => { for (const name of ['locked', 'other']) makeKey(`${directory}/${name}`, 'ed25519', PASSPHRASE); } });
  sshd.authorize(readFileSync(sshd.path('locked.pub'), 'utf8'));
  inventory('locked.yaml', `user: ${sshd.user}, become: none, identityFile: ${sshd.path('locked')}`, [sshd.port, sshd.port]);
});

afterAll(async () => {
  for (const server of servers) server.close();
  await sshd.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Hosts `a`, `b` and so on, which listen on 127.0.0.1, 127.0.0.2 and so on. */
function inventory(name: string, defaults: string, ports: readonly number[]): void {
  const hosts = ports.map((port, i) => `  ${'abc'[i] ?? ''}.example: { address: 127.0.0.${i + 1}, port: ${port} }\n`);
  writeFileSync(join(workspace, name), `version: 1\nenvironment: staging\ndefaults: { ${defaults}, firstContact: accept-new }\nhosts:\n${hosts.join('')}`);
}

function secret(content: string, mode = 0o600): string {
  const path = join(folder, `secret-${mode}`);
  writeFileSync(path, content, { mode });
  return path;
}

/** Without a terminal. */
function plan(...args: readonly string[]): Promise<Ran> {
  return runCommand(planCommand, ['plan', ...args], { cwd: workspace, env });
}

async function planAtTerminal(typist: Typist, ...args: readonly string[]): Promise<TerminalRun> {
  const ended = await atTerminal([...ENSIGN, 'plan', ...args], { cwd: workspace, env }, typist);
  // attacks: secrets in output
  expect(ended.screen).not.toContain('canary');
  return ended;
}

describe('the passphrase of a key', () => {
  test('is asked for once, for all hosts, and again after a mistake', async () => {
    const { screen } = await planAtTerminal(typing([/Passphrase of the key \S+locked/, 'canary wrong\r'], [/does not open[^]*Passphrase/, `${PASSPHRASE}\r`]), '-i', 'locked.yaml');
    // what is wrong with these hosts is another matter: they have been logged in to
    expect(screen).not.toMatch(/\[ssh\/|unexpected/);
    expect(screen).toMatch(/2 hosts: /);
  });

  test('three mistakes end it', async () => {
    const wrong = [/Passphrase of/, 'canary\r'] as const;
    const ended = await planAtTerminal(typing(wrong, [/does not open[^]*Passphrase/, 'canary\r'], [/does not open[^]*Passphrase/, 'canary\r']), '-i', 'locked.yaml');
    expect(ended).toMatchObject({ code: 2, screen: expect.stringContaining('[ssh/key-passphrase-wrong]') as string });
  });

  test('Ctrl-C ends it', async () => {
    expect(await planAtTerminal(typing([/Passphrase of/, '\u0003']), '-i', 'locked.yaml')).toMatchObject({ code: 130 });
  });

  test('is read from a file', async () => {
    const { out, note } = await plan('-i', 'locked.yaml', '--key-passphrase-file', secret(`${PASSPHRASE}\n`));
    expect(out + note).not.toMatch(/\[ssh\/|unexpected|canary/);
    expect(out).toMatch(/2 hosts: /);
  });

  test.each([
    ['is needed', [], 'ssh/key-passphrase-needed'],
    ['is wrong in the file', ['--key-passphrase-file', secret('canary\n', 0o400)], 'ssh/key-passphrase-wrong'],
    ['is in a file for everybody', ['--key-passphrase-file', secret('canary\n', 0o644)], 'ca/unsafe-permissions'],
    ['is in a file that is not there', ['--key-passphrase-file', '/nonexistent'], 'ca/missing'],
    ['is empty', ['--key-passphrase-file', '/dev/null'], 'ca/unsafe-permissions'],
  ])('%s: refused before any connection', async (_name, args, code) => {
    const ended = await plan('-i', 'locked.yaml', ...args);
    expect(ended).toMatchObject({ code: 2, out: '', note: expect.stringContaining(`[${code}]`) as string });
    expect(ended.note).not.toContain('canary');
  });

  test('of a jump host\'s key, too', async () => {
    const args = ['-i', 'locked.yaml', '--limit', 'b.example', '--jump', 'a.example'];
    expect(await plan(...args)).toMatchObject({ code: 2, note: expect.stringContaining('[ssh/key-passphrase-needed]') as string });
    const { out, note } = await plan(...args, '--key-passphrase-file', secret(`${PASSPHRASE}\n`));
    expect(out + note).not.toMatch(/\[ssh\/|unexpected/);
    expect(out).toMatch(/1 host: /);
  });

  test('of each key that is named with --identity', async () => {
    const script = typing([/Passphrase of the key \S+other/, `${PASSPHRASE}\r`], [/Passphrase of the key \S+locked/, `${PASSPHRASE}\r`]);
    const { screen } = await planAtTerminal(script, '-i', 'locked.yaml', '--identity', sshd.path('other'), '--identity', sshd.path('locked'));
    expect(screen).not.toMatch(/\[ssh\/|unexpected/);
  });
});

describe('the password', () => {
  test.each([
    ['comes from one place', ['--ask-password', '--password-file', '/dev/null'], 'ssh/bad-password'],
    ['cannot be asked for', ['--ask-password'], 'ssh/no-terminal'],
    ['is in a file for everybody', ['--password-file', secret('canary\n', 0o644)], 'ca/unsafe-permissions'],
  ])('%s', async (_name, args, code) => {
    expect(await plan('-i', 'locked.yaml', '--key-passphrase-file', secret(`${PASSPHRASE}\n`), ...args)).toMatchObject({ code: 2, out: '', note: expect.stringContaining(`[${code}]`) as string });
  });
});

describe('questions of hosts that take no keys', () => {
  const HOSTS = ['a', 'b', 'c'];
  const heard = new Map<string, string[]>();

  beforeAll(async () => {
    makeKey(join(folder, 'host'), 'ed25519');
    inventory('asking.yaml', 'user: ops, become: none', await Promise.all(HOSTS.map(asking)));
  });

  async function asking(name: string, i: number): Promise<number> {
    const server = new ssh2.Server({ hostKeys: [readFileSync(join(folder, 'host'))] }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (context) => {
        if (context.method !== 'keyboard-interactive') context.reject(['keyboard-interactive']);
        else context.prompt([{ prompt: 'First\u001b[2J\u202e? ', echo: false }, { prompt: 'Second? ', echo: true }], '', 'Hello\r\nthere', (answers) => {
          heard.set(name, answers);
          context.reject(['keyboard-interactive']);
        });
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, `127.0.0.${i + 1}`, resolve));
    return (server.address() as { port: number }).port;
  }

  test('are asked one host after the other, in its words and with its name', async () => {
    let last: string | undefined;
    const { screen, code } = await planAtTerminal((shown) => {
      const [, host, word] = /.*\(ops@(\w)\.example\) (First|Second)/s.exec(shown) ?? [];
      const question = host === undefined || word === undefined ? undefined : `${host}-${word}`;
      if (question === undefined || question === last) return undefined;
      last = question;
      return word === 'First' ? `canary-${question}\r` : `${question}\r`;
    }, '-i', 'asking.yaml');
    expect(Object.fromEntries(heard)).toEqual(Object.fromEntries(HOSTS.map((name) => [name, [`canary-${name}-First`, `${name}-Second`]])));
    expect(screen).toContain('(ops@a.example) Hello');
    expect(screen).toContain('First\\u{1b}[2J\\u{202e}?');
    expect(screen.match(/\[ssh\/answer-wrong\]/g)).toHaveLength(3);
    expect(code).toBe(4);
  });

  test('end with Ctrl-C, and nobody is asked after that', async () => {
    const { code, screen } = await planAtTerminal(typing([/First/, '\u0003']), '-i', 'asking.yaml', '--concurrency', '1');
    expect(code).toBe(130);
    expect(screen).not.toContain('Second');
  });

  test('that nobody is there to answer', async () => {
    const { code, out } = await plan('-i', 'asking.yaml', '--password-file', secret('canary\n'), '--concurrency', '1');
    expect(code).toBe(4);
    expect(out).toContain('[ssh/question-unanswered]');
    expect(out).not.toContain('canary');
  });
});

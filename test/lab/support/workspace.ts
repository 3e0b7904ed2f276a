import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atTerminal, type TerminalRun, type Typist } from '../../support/at-terminal.ts';
import { execute, type CommandResult } from './command.ts';
import type { Lab } from './lab.ts';
import type { LabHost } from './host.ts';

const ENSIGN = new URL('../../../dist/ensign.js', import.meta.url).pathname;

/** An operator's folder: a home with nothing in it, and a workspace made by `ensign init`. */
export interface TestWorkspace {
  readonly root: string;
  readonly home: string;
  /** What `ensign init` said. */
  readonly init: CommandResult;
  /** Runs the built command line in the workspace. */
  ensign(...args: readonly string[]): Promise<CommandResult>;
  /** As `ensign`, with environment variables and standard input of its own. */
  ensignWith(extra: { readonly env?: Readonly<Record<string, string>>; readonly input?: string }, ...args: readonly string[]): Promise<CommandResult>;
  /** As `ensign`, at a terminal at which nobody types. */
  atTerminal(...args: readonly string[]): Promise<CommandResult>;
  /** As `ensign`, at a terminal at which somebody types. */
  typed(typist: Typist, ...args: readonly string[]): Promise<TerminalRun>;
  /** Starts it and does not wait, for tests that send signals: the process is ensign itself. */
  start(...args: readonly string[]): ChildProcess;
  /** Runs the stock client with nothing but these options: no agent, no configuration, no questions. */
  ssh(options: readonly string[], target: string, ...command: readonly string[]): Promise<CommandResult>;
  write(name: string, content: string, mode?: number): string;
  read(name: string): string;
  remove(): void;
}

/** @param folder where to put it; a new temporary folder when absent */
export async function makeWorkspace(lab: Lab, folder?: string): Promise<TestWorkspace> {
  const base = folder ?? mkdtempSync(join(tmpdir(), 'ensign-ws-'));
  const root = join(base, 'ws');
  const home = join(base, 'home');
  mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 });
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, LANG: 'C.UTF-8' };
  const wrapped = (argv: readonly string[], cwd: string, extra: Readonly<Record<string, string>> = {}): string[] => ['ip', 'netns', 'exec', lab.namespace, 'env', '-i', '-C', cwd, ...Object.entries({ ...env, ...extra }).map(([k, v]) => `${k}=${v}`), ...argv];
  const inside = (argv: readonly string[], cwd: string): Promise<CommandResult> => execute(wrapped(argv, cwd));
  const made = await inside([process.execPath, ENSIGN, 'init', root, '--yes', '--new-passphrase-file', join(base, 'passphrase')], base);
  if (made.code !== 0) throw new Error(`ensign init failed: ${made.stderr}`);
  return {
    root,
    home,
    init: made,
    ensign: (...args) => inside([process.execPath, ENSIGN, ...args], root),
    ensignWith: ({ env: variables, input = '' }, ...args) => execute(wrapped([process.execPath, ENSIGN, ...args], root, variables), { input }),
    atTerminal: (...args) => execute(wrapped(['script', '-qec', [process.execPath, ENSIGN, ...args].join(' '), '/dev/null'], root, { NO_COLOR: '1' })),
    typed: (typist, ...args) => atTerminal(wrapped([process.execPath, ENSIGN, ...args], root), {}, typist),
    start: (...args) => {
      const [file = '', ...rest] = wrapped([process.execPath, ENSIGN, ...args], root);
      return spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    },
    ssh: (options, target, ...command) => inside(['ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', '-o', 'GlobalKnownHostsFile=/dev/null', ...options, target, ...command], root),
    write: (name, content, mode = 0o644) => {
      const path = join(root, name);
      writeFileSync(path, content, { mode });
      return path;
    },
    read: (name) => readFileSync(join(root, name), 'utf8'),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** An inventory of lab hosts whose keys are pinned, as an operator with console access would write it. */
export async function inventoryOf(lab: Lab, environment: string, hosts: readonly LabHost[], options: { readonly user?: string; readonly become?: string; readonly logins?: string } = {}): Promise<string> {
  const entries = await Promise.all(hosts.map(async (host) => `      ${host.name}: { address: ${host.address}, hostKey: "${await fingerprintOf(lab, host)}" }`));
  return `version: 1
environment: ${environment}
defaults: { user: ${options.user ?? 'ops'}, become: ${options.become ?? 'sudo'}, identityFile: ${lab.operatorKey}, firstContact: pinned }
groups:
  all:
    hosts:
${entries.join('\n')}
    logins: ${options.logins ?? '{ root: [sre], deploy: [sre, deployers] }'}
`;
}

/** `SHA256:...` of the host's Ed25519 key. */
export async function fingerprintOf(lab: Lab, host: LabHost): Promise<string> {
  const { ed25519 } = await host.hostKeys();
  const { stdout } = await lab.exec(['ssh-keygen', '-lf', '-'], { input: `${ed25519}\n` });
  return stdout.split(' ')[1] ?? '';
}

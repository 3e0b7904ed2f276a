import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute, type CommandResult } from './command.ts';
import type { Lab } from './lab.ts';
import type { LabHost } from './host.ts';

const ENSIGN = new URL('../../../dist/ensign.js', import.meta.url).pathname;

/** An operator's folder: a home with nothing in it, and a workspace made by `ensign init`. */
export interface TestWorkspace {
  readonly root: string;
  readonly home: string;
  /** Runs the built command line in the workspace. */
  ensign(...args: readonly string[]): Promise<CommandResult>;
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
  const inside = (argv: readonly string[], cwd: string): Promise<CommandResult> => execute(['ip', 'netns', 'exec', lab.namespace, 'env', '-i', '-C', cwd, ...Object.entries(env).map(([k, v]) => `${k}=${v}`), ...argv]);
  const self: TestWorkspace = {
    root,
    home,
    ensign: (...args) => inside([process.execPath, ENSIGN, ...args], root),
    ssh: (options, target, ...command) => inside(['ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', '-o', 'GlobalKnownHostsFile=/dev/null', ...options, target, ...command], root),
    write: (name, content, mode = 0o644) => {
      const path = join(root, name);
      writeFileSync(path, content, { mode });
      return path;
    },
    read: (name) => readFileSync(join(root, name), 'utf8'),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
  const made = await inside([process.execPath, ENSIGN, 'init', root, '--yes', '--new-passphrase-file', join(base, 'passphrase')], base);
  if (made.code !== 0) throw new Error(`ensign init failed: ${made.stderr}`);
  return self;
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

async function fingerprintOf(lab: Lab, host: LabHost): Promise<string> {
  const { ed25519 } = await host.hostKeys();
  const { stdout } = await lab.exec(['ssh-keygen', '-lf', '-'], { input: `${ed25519}\n` });
  return stdout.split(' ')[1] ?? '';
}

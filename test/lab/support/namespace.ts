import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { must } from './command.ts';
import { amongMachine } from './machine.ts';
import { childrenOf, processId, until, type ProcessId } from './process-id.ts';
import type { LabState } from './state.ts';

/** The operator's side of the bridge; hosts follow from .11 on. The namespace is a world of its own, so every lab may use the same. */
export const OPERATOR_ADDRESS = '10.99.0.1';
export const BRIDGE = 'lab0';

/**
 * Makes the lab's network namespace (a bridge, no way out) and its keeper: PID 1 of a process namespace, in a mount namespace
 * whose mounts nobody else sees. Whatever runs or is mounted in the lab ends with the keeper, however it ends.
 */
export async function createNamespaces(state: LabState): Promise<ProcessId> {
  await must(amongMachine(['ip', 'netns', 'add', state.namespace]));
  const inside = (...argv: string[]): Promise<string> => must(inNetwork(state.namespace, argv));
  await inside('ip', 'link', 'set', 'lo', 'up');
  await inside('ip', 'link', 'add', BRIDGE, 'type', 'bridge');
  await inside('ip', 'address', 'add', `${OPERATOR_ADDRESS}/24`, 'dev', BRIDGE);
  await inside('ip', 'link', 'set', BRIDGE, 'up');
  writeNames(state.namespace);
  return startKeeper(state);
}

/** argv that runs a program in the lab's network, with the caller's mounts. */
export function inNetwork(namespace: string, argv: readonly string[]): string[] {
  return ['nsenter', `--net=/run/netns/${namespace}`, '--', ...argv];
}

/** argv that runs a program among the lab's mounts and processes, from wherever the caller stands. */
export function amongKeeper(keeper: ProcessId, argv: readonly string[]): string[] {
  return ['nsenter', `--target=${keeper.pid}`, '--mount', '--pid', '--net', '--', ...argv];
}

/** `ip netns exec` lays these over /etc for what runs in the namespace; without a name server, an unknown name fails at once. */
function writeNames(namespace: string): void {
  const folder = `/etc/netns/${namespace}`;
  mkdirSync(folder, { recursive: true });
  const loopback = '127.0.0.1 localhost\n::1 localhost\n';
  writeFileSync(`${folder}/hosts`, loopback);
  // there has to be a file to lay ours over; a machine without this one is the worse for it anyway
  if (!existsSync('/etc/hosts')) writeFileSync('/etc/hosts', loopback);
  if (existsSync('/etc/resolv.conf')) writeFileSync(`${folder}/resolv.conf`, '');
  if (existsSync('/etc/nsswitch.conf')) {
    writeFileSync(`${folder}/nsswitch.conf`, readFileSync('/etc/nsswitch.conf', 'utf8').replace(/^hosts:.*$/m, 'hosts: files'));
  }
}

async function startKeeper(state: LabState): Promise<ProcessId> {
  const parent = startDetached(
    amongMachine(inNetwork(state.namespace, ['unshare', '--mount', '--pid', '--fork', '--mount-proc', '--propagation', 'slave', 'sleep', 'infinity'])),
    `${state.directory}/keeper.log`,
  );
  let keeper: ProcessId | undefined;
  await until(() => {
    const child = childrenOf(parent)[0];
    // until it is `sleep`, its own /proc is not mounted yet
    if (child === undefined || readName(child) !== 'sleep') return false;
    keeper = processId(child);
    return keeper !== undefined;
  }, 10_000, "the lab's keeper");
  if (keeper === undefined) throw new Error('the keeper ended at once');
  return keeper;
}

/**
 * A process that outlives its owner by one moment: its input ends when the owner does, however that ends, and then it takes the
 * lab down.
 */
export function startWatcher(state: LabState): ProcessId | undefined {
  const cli = fileURLToPath(new URL('./cli.ts', import.meta.url));
  const log = openSync(`${state.directory}/watcher.log`, 'a');
  const sweep = [process.execPath, '--import', import.meta.resolve('tsx'), cli, 'sweep', state.id];
  const [file = '', ...args] = amongMachine(['/bin/sh', '-c', 'read -r _; exec "$@"', 'sh', ...sweep]);
  // among the machine's own mounts from the start, it needs no way back
  const env = { ...process.env };
  delete env['ENSIGN_LAB'];
  const child = spawn(file, args, { detached: true, stdio: ['pipe', log, log], cwd: '/', env });
  closeSync(log);
  child.unref();
  // the pipe must not keep the owner alive
  (child.stdin as unknown as { unref(): void }).unref();
  return child.pid === undefined ? undefined : processId(child.pid);
}

/** A process of its own session, that neither a terminal's Ctrl-C nor the end of the caller reaches. Returns its PID. */
export function startDetached(argv: readonly string[], log: string): number {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error('nothing to run');
  const output = openSync(log, 'a');
  const child = spawn(file, args, { detached: true, stdio: ['ignore', output, output], cwd: '/' });
  closeSync(output);
  child.on('error', () => undefined);
  child.unref();
  if (child.pid === undefined) throw new Error(`cannot start ${file}`);
  return child.pid;
}

function readName(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

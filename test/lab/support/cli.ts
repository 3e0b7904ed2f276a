import { spawn } from 'node:child_process';
import { connectLab, startLab, type Lab } from './lab.ts';
import { allStates, isAbandoned, readState } from './state.ts';
import { sweep, takeDown } from './teardown.ts';

const FLEET = ['web-01.stg.lab.test', 'web-01.prd.lab.test', 'db-01.prd.lab.test'];
const USAGE = `usage: npm run lab -- up [--hosts NAME,NAME...] | list [--json] | ssh NAME [COMMAND...] | down`;

process.exitCode = await main(process.argv.slice(2));

async function main([command, ...args]: string[]): Promise<number> {
  switch (command) {
    case 'up':
      return up(args);
    case 'list':
      return list(args);
    case 'ssh':
      return ssh(args);
    case 'down':
      return down(args);
    // for the machinery: `with` runs a program inside a lab that ends with it, `sweep` is what a lab's watcher calls
    case 'with':
      return withLab(args);
    case 'sweep':
      return sweepLab(args);
    default:
      return refuse(command === undefined ? 'say what to do' : `there is no ${command}`);
  }
}

async function up(args: readonly string[]): Promise<number> {
  const names = hostNames(args);
  if (names === undefined) return refuse('up takes --hosts NAME,NAME...');
  const running = keptLab();
  if (running !== undefined) return say(`the lab is up already (${running.id}); npm run lab -- list shows it, npm run lab -- down ends it`, 1);
  const lab = await startLab({ hosts: names.map((name) => ({ name })) });
  await lab.keep();
  show(lab);
  return say('\nto log in:  npm run lab -- ssh NAME      to end it:  npm run lab -- down');
}

function list(args: readonly string[]): number {
  if (args.some((arg) => arg !== '--json')) return refuse('list takes --json only');
  const lab = keptLab();
  if (args.includes('--json')) {
    const hosts = lab?.hosts.map(({ name, address, port }) => ({ name, address, port })) ?? [];
    const summary = lab === undefined ? null : { id: lab.id, namespace: lab.namespace, directory: lab.directory, operatorKey: lab.operatorKey, hosts };
    return say(JSON.stringify(summary, undefined, 2));
  }
  if (lab === undefined) return say('no lab is up; npm run lab -- up starts one');
  show(lab);
  return 0;
}

async function ssh([name, ...command]: string[]): Promise<number> {
  const lab = keptLab();
  if (lab === undefined) return say('no lab is up; npm run lab -- up starts one', 1);
  const [, login = 'ops', hostName] = /^(?:([a-z][a-z0-9-]*)@)?(.*)$/.exec(name ?? '') ?? [];
  const host = lab.hosts.find((candidate) => candidate.name === hostName);
  if (host === undefined) return refuse(`ssh takes one of: ${lab.hosts.map((known) => known.name).join(', ')}`);
  // the lab's own file: these hosts are nobody's, and gone tomorrow
  const options = ['-i', lab.operatorKey, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=accept-new', '-o', `UserKnownHostsFile=${lab.directory}/known_hosts`, '-o', 'LogLevel=ERROR'];
  return attached(lab, ['ssh', ...options, `${login}@${host.name}`, ...command]);
}

async function down(args: readonly string[]): Promise<number> {
  if (args.length > 0) return refuse('down takes nothing');
  const swept = await sweep();
  const kept = allStates().filter((state) => state.owner === 'kept');
  for (const state of kept) await takeDown(state);
  const ids = [...swept, ...kept.map((state) => state.id)];
  return say(ids.length === 0 ? 'no lab was up' : `taken down: ${ids.join(', ')}`);
}

async function withLab(command: readonly string[]): Promise<number> {
  const lab = await startLab({ hosts: [] });
  try {
    return await attached(lab, command, { ...process.env, ENSIGN_LAB: lab.id });
  } finally {
    await lab.down();
  }
}

async function sweepLab([id]: string[]): Promise<number> {
  const state = id === undefined ? undefined : readState(id);
  if (state !== undefined) await takeDown(state);
  await sweep();
  return 0;
}

/** Runs a program in the lab's network, on the caller's terminal. */
function attached(lab: Lab, argv: readonly string[], env = process.env): Promise<number> {
  return new Promise((resolve, reject) => {
    // should this process be killed, what it runs does not stay behind
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'ip', 'netns', 'exec', lab.namespace, ...argv], { stdio: 'inherit', env });
    // Ctrl-C reaches the child by itself; this process stays to clear up after it
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

function keptLab(): Lab | undefined {
  const state = allStates().find((candidate) => candidate.owner === 'kept' && !isAbandoned(candidate));
  return state === undefined ? undefined : connectLab(state.id);
}

function hostNames(args: readonly string[]): readonly string[] | undefined {
  if (args.length === 0) return FLEET;
  const [flag, value, ...rest] = args.flatMap((arg) => (arg.startsWith('--hosts=') ? ['--hosts', arg.slice('--hosts='.length)] : [arg]));
  const names = value?.split(',').filter((name) => name !== '') ?? [];
  return flag === '--hosts' && names.length > 0 && rest.length === 0 ? names : undefined;
}

function show(lab: Lab): void {
  const width = Math.max(...lab.hosts.map((host) => host.name.length));
  for (const host of lab.hosts) process.stdout.write(`${host.name.padEnd(width)}  ${host.address}\n`);
  process.stdout.write(`\nlogins     ops (sudo), dana (sudo with a password), root; key ${lab.operatorKey}\n`);
  process.stdout.write(`network    ip netns exec ${lab.namespace} COMMAND\n`);
}

function say(line: string, code = 0): number {
  (code === 0 ? process.stdout : process.stderr).write(`${line}\n`);
  return code;
}

function refuse(why: string): number {
  return say(`${why}\n${USAGE}`, 2);
}

import { spawn } from 'node:child_process';
import { CACHE, GENERATIONS, IMAGES, buildImages, cachedImages, isImage, removeImages, type Image } from './images.ts';
import { connectLab, startLab, type Lab, type LabHostSpec } from './lab.ts';
import { allStates, isAbandoned, readState } from './state.ts';
import { sweep, takeDown } from './teardown.ts';

const FLEET = ['web-01.stg.lab.test', 'web-01.prd.lab.test', 'db-01.prd.lab.test'];
const USAGE = `usage: npm run lab -- up [--image IMAGE] [--hosts NAME,NAME...] | list [--json] | ssh NAME [COMMAND...] | down | images [--build [IMAGE...] | --rm [IMAGE...]]
an IMAGE is one of: ${IMAGES.join(', ')}; --hosts takes NAME=IMAGE as well`;

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
    case 'images':
      return images(args);
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
  const hosts = hostSpecs(args);
  if (hosts === undefined) return refuse('up takes --image IMAGE and --hosts NAME,NAME...');
  const running = keptLab();
  if (running !== undefined) return say(`the lab is up already (${running.id}); npm run lab -- list shows it, npm run lab -- down ends it`, 1);
  await buildImages(hosts.map(({ image }) => image), note);
  const lab = await startLab({ hosts });
  await lab.keep();
  show(lab);
  return say('\nto log in:  npm run lab -- ssh NAME      to end it:  npm run lab -- down');
}

function list(args: readonly string[]): number {
  if (args.some((arg) => arg !== '--json')) return refuse('list takes --json only');
  const lab = keptLab();
  if (args.includes('--json')) {
    const hosts = lab?.hosts.map(({ name, address, port, image }) => ({ name, address, port, image })) ?? [];
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

/** `--image mixed` builds every generation, and its tests name the image of each host. */
async function withLab(args: readonly string[]): Promise<number> {
  const [flag, image = '', ...rest] = args;
  const command = flag === '--image' ? rest : args;
  const env = { ...process.env, ...(flag === '--image' && isImage(image) ? { ENSIGN_LAB_IMAGE: image } : {}) };
  if (flag === '--image') await buildImages(isImage(image) ? [image] : GENERATIONS, note);
  const lab = await startLab({ hosts: [] });
  try {
    return await attached(lab, command, { ...env, ENSIGN_LAB: lab.id });
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

/** NAME or NAME=IMAGE, separated by commas. */
function hostSpecs(args: readonly string[]): (LabHostSpec & { readonly image: Image })[] | undefined {
  const words = args.flatMap((arg) => (/^--(?:hosts|image)=/.test(arg) ? [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)] : [arg]));
  const options = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2) options.set(words[at] ?? '', words[at + 1] ?? '');
  const { image = 'machine', hosts = FLEET.join(',') } = { image: options.get('--image'), hosts: options.get('--hosts') };
  if ([...options.keys()].some((name) => name !== '--image' && name !== '--hosts')) return undefined;
  const specs = hosts.split(',').map((word) => ({ name: word.split('=')[0] ?? '', image: word.split('=')[1] ?? image }));
  return specs.every((spec): spec is { name: string; image: Image } => spec.name !== '' && isImage(spec.image)) ? specs : undefined;
}

async function images([flag, ...names]: string[]): Promise<number> {
  const known = names.filter(isImage);
  if (known.length < names.length) return refuse(`there is no image ${names.find((name) => !isImage(name)) ?? ''}`);
  switch (flag) {
    case undefined: {
      const cached = cachedImages();
      for (const { image, openssh, builtAt, current } of cached) process.stdout.write(`${image.padEnd(10)} ${openssh.padEnd(24)} built ${builtAt.slice(0, 10)}${current ? '' : ', of an older recipe'}\n`);
      return say(cached.length === 0 ? `no images in ${CACHE}; --build makes them` : `in ${CACHE}; --rm removes them`);
    }
    case '--build':
      await buildImages(known.length === 0 ? IMAGES : known, note);
      return 0;
    case '--rm': {
      if (allStates().length > 0) return say('a lab is up, and its hosts may stand on these trees: npm run lab -- down, or wait for its tests to end', 1);
      const gone = await removeImages(known);
      return say(gone.length === 0 ? 'there was nothing to remove' : `removed: ${gone.join(', ')}`);
    }
    default:
      return refuse(`images takes --build or --rm, not ${flag}`);
  }
}

function show(lab: Lab): void {
  const width = Math.max(...lab.hosts.map((host) => host.name.length));
  for (const host of lab.hosts) process.stdout.write(`${host.name.padEnd(width)}  ${host.address}${host.image === 'machine' ? '' : `  ${host.image}`}\n`);
  process.stdout.write(`\nlogins     ops (sudo), dana (sudo with a password), root; key ${lab.operatorKey}\n`);
  process.stdout.write(`network    ip netns exec ${lab.namespace} COMMAND\n`);
}

function say(line: string, code = 0): number {
  (code === 0 ? process.stdout : process.stderr).write(`${line}\n`);
  return code;
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

function refuse(why: string): number {
  return say(`${why}\n${USAGE}`, 2);
}

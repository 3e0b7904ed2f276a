import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { bootHost, diskOf, stopHost, type HostState, type RunningLab } from './boot.ts';
import { execute, must, type CommandOptions, type CommandResult } from './command.ts';
import { createDisk, labHost, removeDisk, type LabHost } from './host.ts';
import { isImage, treeOf, type Image } from './images.ts';
import { amongKeeper, createNamespaces, startWatcher } from './namespace.ts';
import { killProcess, processId } from './process-id.ts';
import { LABS, createState, readJson, readState, writeJson, writeState, type LabState } from './state.ts';
import { sweep, takeDown } from './teardown.ts';

/** The password of `dana`, made of what quoting gets wrong. */
export const DANA_PASSWORD = `p a'ss"w$HOME\\1`;

export interface LabHostSpec {
  /** Its full name, such as web-01.stg.lab.test. */
  readonly name: string;
  /** What it is made of; `ENSIGN_LAB_IMAGE` decides where this is absent, else it is the machine's own system. */
  readonly image?: Image;
}

/**
 * A running lab. Every host has `ops` (operator's key, sudo without a password), `dana` (operator's key, sudo with
 * DANA_PASSWORD), `deploy` (no way in) and root (operator's key).
 */
export interface Lab {
  readonly id: string;
  /** Name of the network namespace, for `ip netns exec`. */
  readonly namespace: string;
  /** A folder of the lab's own, gone with it. */
  readonly directory: string;
  /** Path of the operator's private key (Ed25519, no passphrase). */
  readonly operatorKey: string;
  /** The hosts known to this process: all that stood when it connected, and those that it added. */
  readonly hosts: readonly LabHost[];
  host(name: string): LabHost;
  /** Boots one host more. Its name is free again after `removeHost`. */
  addHost(spec: LabHostSpec): Promise<LabHost>;
  /** Powers the host off and destroys its disk. */
  removeHost(host: LabHost): Promise<void>;
  /** Runs a program in the lab's network, where the hosts' names are known. */
  exec(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** The lab outlives this process, until `npm run lab -- down`. */
  keep(): Promise<void>;
  down(): Promise<void>;
}

/**
 * Starts a lab and boots its hosts, at most four at a time. It goes away with `down`, or with this process, however that ends.
 * Needs root; `scripts/setup.mjs` installs what else it needs.
 */
export async function startLab(options: { readonly hosts: readonly LabHostSpec[] }): Promise<Lab> {
  const owner = processId(process.pid);
  if (process.getuid?.() !== 0 || owner === undefined) throw new Error('the lab needs root: use npm run lab, or sudo');
  await sweep();
  raiseInotifyLimit();
  const id = `ensign-${randomBytes(3).toString('hex')}`;
  const born: LabState = { id, owner, namespace: id, directory: `${LABS}/${id}` };
  createState(born);
  try {
    const lab = connect(await openLab(born));
    await inTurns(options.hosts, 4, (spec) => lab.addHost(spec));
    return lab;
  } catch (error) {
    await takeDown(readState(id) ?? born);
    throw error;
  }
}

/** A lab that is up already, by its id: a `kept` one, or the one that `npm test` runs the lab tests in (ENSIGN_LAB). */
export function connectLab(id: string): Lab {
  const state = readState(id);
  if (state?.keeper === undefined) throw new Error(`no lab called ${id} is up`);
  return connect({ ...state, keeper: state.keeper });
}

async function openLab(born: LabState): Promise<RunningLab> {
  const watcher = startWatcher(born);
  const watched: LabState = watcher === undefined ? born : { ...born, watcher };
  writeState(watched);
  const keeper = await createNamespaces(watched);
  const lab: RunningLab = { ...watched, keeper };
  writeState(lab);
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'operator@lab', '-f', `${lab.directory}/operator`]);
  mkdirSync(`${lab.directory}/hosts`);
  mkdirSync(diskOf(lab));
  await must(amongKeeper(keeper, ['sh', '-euc', MOUNT_DISK, 'sh', lab.directory]));
  return lab;
}

/** A disk in memory, and a /run with nothing but the lab in it: nspawn keeps its own books there, by machine names that labs share. */
const MOUNT_DISK = `
  mount -t tmpfs -o mode=0755,size=50% ensign-lab "$1/disk"
  mkdir -p "$1/disk$1"
  mount --bind "$1" "$1/disk$1"
  mount --bind "$1/disk" "$1/disk$1/disk"
  mount --rbind "$1/disk/run" /run`;

function connect(lab: RunningLab): Lab {
  const known = new Map<LabHost, HostState>(hostStates(lab).map((state) => [labHost(lab, state), state]));
  const self: Lab = {
    id: lab.id,
    namespace: lab.namespace,
    directory: lab.directory,
    operatorKey: `${lab.directory}/operator`,
    get hosts() {
      return [...known].sort(([, a], [, b]) => slotNumber(a) - slotNumber(b)).map(([host]) => host);
    },
    host: (name) => {
      const host = self.hosts.find((candidate) => candidate.name === name);
      if (host === undefined) throw new Error(`the lab has no host ${name}`);
      return host;
    },
    addHost: async (spec) => {
      const state = claimSlot(lab, spec);
      await prepareBase(lab, state.image);
      await createDisk(lab, state);
      await bootHost(lab, state);
      const host = labHost(lab, state);
      known.set(host, state);
      return host;
    },
    removeHost: async (host) => {
      const state = known.get(host);
      if (state === undefined) return;
      await stopHost(lab, state);
      await removeDisk(lab, state);
      known.delete(host);
      forgetName(lab, state);
    },
    exec: (argv, options) => execute(['ip', 'netns', 'exec', lab.namespace, ...argv], options),
    keep: async () => {
      const { watcher, ...state } = readState(lab.id) ?? lab;
      writeState({ ...state, owner: 'kept' });
      if (watcher !== undefined) await killProcess(watcher);
    },
    down: () => takeDown(readState(lab.id) ?? lab),
  };
  return self;
}

/** Makes what all hosts of an image have in common, unless it is there: people, Debian's own sshd_config, few units. */
async function prepareBase(lab: RunningLab, image: Image): Promise<void> {
  const script = readFileSync(new URL('base-system.sh', import.meta.url));
  await must(amongKeeper(lab.keeper, ['sh', '-s', diskOf(lab), image, treeOf(image), `${lab.directory}/operator.pub`, DANA_PASSWORD]), { input: script });
}

/** A folder that can be made once only decides between processes that add hosts at the same time. Slots are not used twice. */
function claimSlot(lab: RunningLab, spec: LabHostSpec): HostState {
  if (!/^[a-z0-9][a-z0-9.-]{0,62}$/.test(spec.name)) throw new Error(`not a host name: ${spec.name}`);
  if (hostStates(lab).some((host) => host.name === spec.name)) throw new Error(`the lab has a host ${spec.name} already`);
  for (let number = 1; number <= 240; number++) {
    const slot = `h${number}`;
    if (!makeFolder(`${lab.directory}/hosts/${slot}`)) continue;
    const host: HostState = { slot, name: spec.name, address: `10.99.0.${number + 10}`, image: spec.image ?? defaultImage() };
    writeJson(`${lab.directory}/hosts/${slot}/host.json`, host);
    // in place, because what runs in the namespace has this very file over its /etc/hosts
    appendFileSync(`/etc/netns/${lab.namespace}/hosts`, `${host.address} ${host.name}\n`);
    return host;
  }
  throw new Error('the lab is full');
}

/** The matrix runs the same tests on hosts of one image after the other. */
function defaultImage(): Image {
  const word = process.env['ENSIGN_LAB_IMAGE'] ?? 'machine';
  if (!isImage(word)) throw new Error(`ENSIGN_LAB_IMAGE is ${word}, which is no image`);
  return word;
}

function forgetName(lab: RunningLab, host: HostState): void {
  rmSync(`${lab.directory}/hosts/${host.slot}/host.json`);
  const names = `/etc/netns/${lab.namespace}/hosts`;
  writeFileSync(names, readFileSync(names, 'utf8').replace(`${host.address} ${host.name}\n`, ''));
}

function hostStates(lab: LabState): HostState[] {
  return readdirSync(`${lab.directory}/hosts`)
    .map((slot) => readJson<HostState>(`${lab.directory}/hosts/${slot}/host.json`))
    .filter((host) => host !== undefined);
}

function slotNumber(host: HostState): number {
  return Number(host.slot.slice(1));
}

function makeFolder(path: string): boolean {
  if (existsSync(path)) return false;
  try {
    mkdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** With the kernel's 128, the 23rd systemd on a machine dies at boot without a word. It stays raised: others may rely on it by now. */
function raiseInotifyLimit(): void {
  const file = '/proc/sys/fs/inotify/max_user_instances';
  if (Number(readFileSync(file, 'utf8')) < 8192) writeFileSync(file, '8192');
}

/** Runs a task for every item, some at a time; every task has ended when it returns or throws. */
async function inTurns<T>(items: readonly T[], width: number, task: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await task(item);
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, worker));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

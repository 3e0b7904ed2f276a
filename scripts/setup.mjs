// Gets a machine ready for ensign: system packages (as root), dependencies and dist/ (as the caller). Quick when all is there.
//   node scripts/setup.mjs [--no-lab] [--no-build]
// Written for a machine that has only Node and git, so it imports nothing but Node.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** What the dependencies are built with: better-sqlite3 compiles where no ready build can be fetched. */
const BUILD_PACKAGES = ['python3', 'make', 'g++'];
/** What the unit tests call: the real ssh programs, sshd on loopback as the caller, and OpenSSH's security key in software. */
const TEST_PACKAGES = ['openssh-client', 'openssh-server', 'openssh-tests'];
/** What the lab is made of; its hosts are this machine's own system, so what they need has to be here. */
const LAB_PACKAGES = ['systemd', 'systemd-container', 'dbus', 'iproute2', 'sudo', 'opendoas', 'passwd', 'util-linux', 'procps'];
/** What builds hosts of another Debian than the machine's own. */
const IMAGE_PACKAGES = ['debootstrap', 'debian-archive-keyring', 'util-linux'];
const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_TEXT = '#!/bin/sh\n# placed by the set-up of ensign while it installs packages: nothing is started\nexit 101\n';

/** The machine cannot do what was asked; the message is one sentence that says what to do. */
export class SetUpError extends Error {}

/**
 * Installs what is missing. Throws SetUpError where that is impossible.
 * @param {{ lab?: boolean, images?: boolean, build?: boolean }} [options] lab: also what booting hosts needs; images: also what building
 *   Debian trees for them needs; build: also dist/
 */
export function setUp({ lab = true, images = false, build = true } = {}) {
  checkNode();
  if (lab) checkLabMachine();
  installPackages([...TEST_PACKAGES, ...(lab ? LAB_PACKAGES : []), ...(images ? IMAGE_PACKAGES : [])]);
  installDependencies();
  if (build) runAsCaller([process.execPath, 'scripts/build.mjs'], 'the build failed: see above');
}

/** The program and arguments that run argv as root; throws SetUpError when that would need a password or is impossible. */
export function asRoot(argv) {
  if (process.getuid() === 0) return argv;
  if (spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) {
    throw new SetUpError(`this needs root and sudo does not give it without a password: run \`sudo env "PATH=$PATH" ${invocation()}\`, or become root`);
  }
  // PATH, because Node is often found only through the caller's
  return ['sudo', '-n', 'env', `PATH=${process.env.PATH}`, ...argv];
}

/** Runs a script's main function; a SetUpError becomes its sentence on stderr and exit code 2. */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetUpError(`ensign needs Node 20.19 or newer and this is ${process.versions.node}: install a newer one, for example from https://nodejs.org`);
}

function checkLabMachine() {
  if (process.platform !== 'linux') {
    throw new SetUpError(`the lab boots real Linux hosts and this is ${process.platform}: use a Debian machine or virtual machine`);
  }
  asRoot([]);
  const mountPoints = readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1]);
  for (const folder of ['/usr', '/etc', '/var']) {
    if (mountPoints.includes(folder)) {
      throw new SetUpError(`the lab's hosts are layers over this machine's / and ${folder} is a file system of its own: use a machine where they are one`);
    }
  }
  const abilities = 'grep -qw overlay /proc/filesystems || modprobe overlay; unshare --mount --pid --net --fork true';
  if (spawnSync(...split(asRoot(['sh', '-c', abilities])), { stdio: 'ignore' }).status !== 0) {
    throw new SetUpError('this machine lets not even root make namespaces and overlay mounts, as in an unprivileged container: use a virtual machine, or a privileged container');
  }
}

function installPackages(wanted) {
  const needed = dependenciesWork() ? wanted : [...wanted, ...BUILD_PACKAGES.filter((name) => !commandOf(name))];
  const missing = needed.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  if (!hasCommand('apt-get')) {
    throw new SetUpError(`these are missing and there is no apt-get to install them with: ${missing.join(', ')}; install them, or use a Debian machine`);
  }
  say(`installing ${missing.join(', ')}`);
  withoutStartingServices(() => {
    apt(['update', '-q']);
    apt(['install', '-q', '--yes', '--no-install-recommends', ...missing]);
    // ours for the lab's hosts only: the machine's next boot must not open a port that its owner did not ask for
    if (missing.includes('openssh-server')) {
      for (const unit of ['ssh.service', 'ssh.socket']) spawnSync(...split(asRoot(['systemctl', 'disable', '--quiet', unit])), { stdio: 'ignore' });
    }
  });
}

/** Debian asks this file before it starts a service of a package. Somebody else's is left alone. */
function withoutStartingServices(task) {
  const theirs = existsSync(POLICY) && readFileSync(POLICY, 'utf8') !== POLICY_TEXT;
  if (theirs) {
    task();
    return;
  }
  runAsRoot(['sh', '-c', 'printf %s "$1" >"$2" && chmod 755 "$2"', 'sh', POLICY_TEXT, POLICY], `cannot write ${POLICY}`);
  try {
    task();
  } finally {
    spawnSync(...split(asRoot(['rm', '-f', POLICY])));
  }
}

function apt(args) {
  const options = ['-o', 'Dpkg::Options::=--force-confold', '-o', 'DPkg::Lock::Timeout=120'];
  runAsRoot(['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C', 'apt-get', ...options, ...args], `apt-get ${args[0]} failed: see above, then run this again`);
}

function installDependencies() {
  if (dependenciesAreNew() && dependenciesWork()) return;
  // npm would empty the folder behind it, which is somebody else's
  if (lstatSync(`${root}node_modules`, { throwIfNoEntry: false })?.isSymbolicLink()) throw new SetUpError('node_modules is a link, and not up to date: remove the link, then run this again');
  say('installing dependencies; compiling better-sqlite3 may take a minute or two');
  runAsCaller(['npm', 'ci', '--no-audit', '--no-fund'], 'npm ci failed: see above, then run this again');
  if (!dependenciesWork()) throw new SetUpError('better-sqlite3 does not load after npm ci: look above for what its build said');
}

/** npm writes its own list last, so an installation that was cut short counts as none. */
function dependenciesAreNew() {
  const installed = `${root}node_modules/.package-lock.json`;
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs;
}

/** Native code stops working when Node's major version changes. */
function dependenciesWork() {
  if (!existsSync(`${root}node_modules/better-sqlite3`)) return false;
  return spawnSync(process.execPath, ['-e', "new (require('better-sqlite3'))(':memory:')"], { cwd: root, stdio: 'ignore' }).status === 0;
}

function runAsRoot(argv, failure) {
  run(asRoot(argv), {}, failure);
}

/** Under sudo, what lands in the repository belongs to whom it belonged before. */
function runAsCaller(argv, failure) {
  run(argv, callerOptions(), failure);
}

export function callerOptions() {
  const uid = Number(process.env.SUDO_UID);
  const gid = Number(process.env.SUDO_GID);
  if (process.getuid() !== 0 || !(uid > 0) || statSync(root).uid === 0) return {};
  const home = spawnSync('getent', ['passwd', String(uid)], { encoding: 'utf8' }).stdout.split(':')[5];
  return { uid, gid, env: { ...process.env, HOME: home, USER: process.env.SUDO_USER, LOGNAME: process.env.SUDO_USER } };
}

function run([file, ...args], options, failure) {
  const result = spawnSync(file, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.status !== 0) throw new SetUpError(failure);
}

function split([file, ...args]) {
  return [file, args];
}

function isInstalled(name) {
  const result = spawnSync('dpkg-query', ['--show', '--showformat=${db:Status-Status}', name], { encoding: 'utf8' });
  // where there is no dpkg, having the programs is what counts
  return result.error === undefined ? result.stdout === 'installed' : commandOf(name);
}

function commandOf(name) {
  const programs = {
    'openssh-client': ['ssh', 'ssh-keygen'], 'openssh-server': ['sshd'], 'openssh-tests': [], systemd: ['systemctl'], 'systemd-container': ['systemd-nspawn'], dbus: ['dbus-daemon'],
    iproute2: ['ip'], opendoas: ['doas'], 'debian-archive-keyring': [], passwd: ['useradd', 'chpasswd'], 'util-linux': ['nsenter', 'unshare'], procps: ['sysctl'],
  };
  return (programs[name] ?? [name]).every(hasCommand);
}

function hasCommand(name) {
  return [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((folder) => {
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function invocation() {
  const [, script, ...args] = process.argv;
  const event = process.env.npm_lifecycle_event;
  const words = event === undefined ? ['node', script.startsWith(root) ? script.slice(root.length) : script, ...args] : ['npm', 'run', event, ...(args.length > 0 ? ['--', ...args] : [])];
  return words.join(' ');
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(() => setUp({ lab: !process.argv.includes('--no-lab'), build: !process.argv.includes('--no-build') }));
}

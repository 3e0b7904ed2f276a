import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { setup as makeSshdFolder } from '../test/sshd-folder.ts';

const run = promisify(execFile);
const START_MS = 60_000;

/**
 * As many sshd processes, each on an address of its own below 127.0.0.0/8 and one port for all (ssh-keyscan takes one),
 * with a host key and a certificate of its own. They end with this process, however it ends.
 */
export class SshdFleet {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly #folder: string;
  readonly #processes: readonly ChildProcess[];
  readonly #end = (): void => this.#kill();

  private constructor(folder: string, addresses: readonly string[], port: number, processes: readonly ChildProcess[]) {
    this.#folder = folder;
    this.addresses = addresses;
    this.port = port;
    this.#processes = processes;
    process.on('exit', this.#end);
  }

  static async start(count: number): Promise<SshdFleet> {
    const folder = mkdtempSync(join(tmpdir(), 'ensign-fleet-'));
    makeSshdFolder();
    const addresses = Array.from({ length: count }, (_, i) => `127.77.${i >> 8}.${(i & 255) + 1}`);
    const port = await freePort(addresses[0]);
    const processes: ChildProcess[] = [];
    const fleet = new SshdFleet(folder, addresses, port, processes);
    try {
      await makeKeys(folder, addresses);
      for (const address of addresses) processes.push(startSshd(folder, address, port));
      await Promise.all(addresses.map((address, i) => answers(address, port, processes[i])));
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** Until no sshd is busy with a connection any more: what one side left behind must not slow the other down. */
  async quiet(): Promise<void> {
    const busy = (): boolean => this.#processes.some(({ pid }) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8') !== '');
    while (busy()) await sleep(20);
  }

  async stop(): Promise<void> {
    const ended = this.#processes.map((one) => new Promise((resolve) => (one.exitCode !== null || one.signalCode !== null ? resolve(undefined) : one.once('exit', resolve))));
    this.#kill();
    await Promise.all(ended);
    process.off('exit', this.#end);
  }

  #kill(): void {
    for (const one of this.#processes) one.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function makeKeys(folder: string, addresses: readonly string[]): Promise<void> {
  const make = (file: string): Promise<unknown> => run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, file)]);
  await make('ca');
  for (let i = 0; i < addresses.length; i += 10) await Promise.all(addresses.slice(i, i + 10).map(make));
  execFileSync('ssh-keygen', ['-q', '-h', '-s', join(folder, 'ca'), '-I', 'bench', '-n', 'bench.example.com', '-V', '+1h', ...addresses.map((address) => join(folder, `${address}.pub`))]);
}

function startSshd(folder: string, address: string, port: number): ChildProcess {
  const config = [
    `ListenAddress ${address}:${port}`,
    `HostKey ${folder}/${address}`,
    `HostCertificate ${folder}/${address}-cert.pub`,
    'PidFile none',
    'UsePAM no',
    'LogLevel QUIET',
  ];
  const file = join(folder, `${address}.conf`);
  writeFileSync(file, `${config.join('\n')}\n`);
  return spawn('/usr/sbin/sshd', ['-D', '-f', file], { stdio: 'ignore' });
}

/** Free on one address is as good as free on all: nobody else uses them. */
async function freePort(address: string | undefined): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  return bound.port;
}

async function answers(address: string, port: number, sshd: ChildProcess | undefined): Promise<void> {
  const start = performance.now();
  while (!(await connects(address, port))) {
    if (sshd?.exitCode !== null) throw new Error(`sshd on ${address}:${port} ended with ${sshd?.exitCode}: is the port taken?`);
    if (performance.now() - start > START_MS) throw new Error(`sshd on ${address}:${port} does not answer`);
    await sleep(50);
  }
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (connected: boolean): void => {
      socket.destroy();
      resolve(connected);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}

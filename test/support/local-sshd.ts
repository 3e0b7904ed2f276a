import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parsePublicKeyLine, type PublicKey } from '../../src/wire/public-key.ts';

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface SshdOptions {
  /** Host keys to make; Ed25519 alone by default. */
  readonly hostKeys?: readonly KeyType[];
  /** Lines that come first in sshd_config. `%d` is the folder of this sshd. */
  readonly config?: readonly string[];
  /** Runs after the keys are made and before sshd starts. */
  readonly prepare?: (directory: string) => void;
}

/** A real sshd on 127.0.0.1 with a folder of its own. The user who runs the tests can log in to it. */
export class LocalSshd {
  readonly directory: string;
  readonly port: number;
  readonly user = userInfo().username;
  readonly #process: ReturnType<typeof spawn>;

  private constructor(directory: string, port: number, process: ReturnType<typeof spawn>) {
    this.directory = directory;
    this.port = port;
    this.#process = process;
  }

  static async start(options: SshdOptions = {}): Promise<LocalSshd> {
    const directory = mkdtempSync(join(tmpdir(), 'ensign-sshd-'));
    const hostKeys = options.hostKeys ?? ['ed25519'];
    for (const type of hostKeys) makeKey(join(directory, `host_${type}`), type);
    writeFileSync(join(directory, 'authorized_keys'), '');
    options.prepare?.(directory);
    const port = await freePort();
    const config = [
      ...(options.config ?? []),
      ...hostKeys.map((type) => `HostKey %d/host_${type}`),
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      'PidFile none',
      'AuthorizedKeysFile %d/authorized_keys',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      // of this keyword the last line counts, not the first
      ...(options.config?.some((line) => line.startsWith('MaxStartups')) === true ? [] : ['MaxStartups 200']),
      'LogLevel VERBOSE',
    ];
    writeFileSync(join(directory, 'sshd_config'), `${config.join('\n').replaceAll('%d', directory)}\n`);
    const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(directory, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
    await listening(sshd);
    return new LocalSshd(directory, port, sshd);
  }

  /** Lets a key log in. */
  authorize(publicKeyLine: string): void {
    writeFileSync(join(this.directory, 'authorized_keys'), `${publicKeyLine.trim()}\n`, { flag: 'a' });
  }

  hostKey(type: KeyType = 'ed25519'): PublicKey {
    return this.publicKey(`host_${type}.pub`);
  }

  publicKey(name: string): PublicKey {
    return parsePublicKeyLine(readFileSync(this.path(name), 'utf8')).key;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Does something, and waits until sshd has logged it. */
  async logged(action: () => Promise<unknown>, line: RegExp): Promise<void> {
    const stderr = this.#process.stderr;
    if (stderr === null) throw new Error('sshd has no stderr');
    let heard = '';
    const found = new Promise<void>((resolve) => {
      const listen = (chunk: Buffer): void => {
        heard += chunk.toString();
        if (!line.test(heard)) return;
        stderr.off('data', listen);
        resolve();
      };
      stderr.on('data', listen);
    });
    await action();
    await found;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode === null && this.#process.kill()) await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Makes PATH and PATH.pub. */
export function makeKey(path: string, type: KeyType, passphrase = ''): void {
  const size = { ed25519: [], ecdsa: ['-b', '256'], rsa: ['-b', '2048'] }[type];
  execFileSync('ssh-keygen', ['-q', '-t', type, ...size, '-N', passphrase, '-C', `test ${type}`, '-f', path]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function listening(sshd: ReturnType<typeof spawn>): Promise<void> {
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    if (sshd.stderr === null) throw new Error('sshd has no stderr');
    // keeps reading afterwards too, so that sshd never waits for a full pipe
    createInterface(sshd.stderr).on('line', (line) => {
      if (lines.push(line) > 1000) lines.shift();
      if (line.startsWith('Server listening on')) resolve();
    });
    sshd.once('exit', () => reject(new Error(`sshd did not start: ${lines.join('\n')}`)));
    sshd.once('error', reject);
  });
}

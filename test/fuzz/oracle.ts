import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatPublicKeyLine } from '../../src/wire/public-key.ts';
import { signData } from '../../src/wire/signature.ts';
import { WireWriter } from '../../src/wire/writer.ts';
import { AUTHORITY, SUBJECT } from './keys.ts';

const TIMEOUT_MS = 60_000;

/** What the real OpenSSH of this machine says of bytes. Asks about many at once where its programs can read many. */
export class OpenSsh {
  readonly folder = mkdtempSync(join(tmpdir(), 'ensign-oracle-'));
  #hostKey: string | undefined;

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** `ssh-keygen -L`, which reads a certificate and verifies the signature under it. One verdict for each line. */
  certificates(lines: readonly string[]): boolean[] {
    const verdicts = lines.map(() => false);
    for (let from = 0; from < lines.length; ) {
      const file = this.#write('certificates', `#\n${lines.slice(from).join('\n')}\n`);
      // line by line, because it ends without a word of what it had to say at a certificate that it cannot print
      const { stdout, stderr } = this.#run('stdbuf', ['-oL', 'ssh-keygen', '-L', '-f', file]);
      const shown = [...stdout.matchAll(/^\S+:(\d+):$/gm)].map((match) => from + Number(match[1]) - 2);
      for (const i of shown) verdicts[i] = true;
      const died = shown.at(-1);
      const lastWords = stderr.trim().split('\n').at(-1) ?? '';
      if (died === undefined || lastWords === '' || lastWords.startsWith(`${file}:`)) break;
      verdicts[died] = false;
      from = died + 1;
    }
    return verdicts;
  }

  /** `ssh-keygen -l`: the fingerprint of each line that is a key. */
  fingerprints(lines: readonly string[]): (string | undefined)[] {
    const file = this.#write('keys', `${lines.map((line, i) => `${line} at-${i}-`).join('\n')}\n`);
    const { stdout } = this.#run('ssh-keygen', ['-l', '-f', file]);
    const found = new Map([...stdout.matchAll(/^\d+ (SHA256:\S+) at-(\d+)- /gm)].map((match) => [Number(match[2]), match[1]]));
    return lines.map((_line, i) => found.get(i));
  }

  /** Lines of a known_hosts file that speak of a host and hold a key that can be read: `ssh-keygen -l -F`. */
  linesFor(text: string, host: string): number[] {
    const file = join(this.folder, 'known_hosts');
    writeFileSync(file, Buffer.from(text, 'latin1'));
    return [...this.#run('ssh-keygen', ['-l', '-F', host, '-f', file]).stdout.matchAll(/^# Host .* found: line (\d+)/gm)].map((match) => Number(match[1]));
  }

  /** The public half as `type base64`, from `ssh-keygen -y`; undefined when it refuses the private key. */
  publicHalf(text: string, passphrase: string): string | undefined {
    const file = this.#write('private', text);
    const { status, stdout } = this.#run('ssh-keygen', ['-y', '-P', passphrase, '-f', file]);
    return status === 0 ? stdout.trim().split(' ').slice(0, 2).join(' ') : undefined;
  }

  /**
   * Whether a certificate for the fixed subject convinces of a principal, by a signature that is made with it: `ssh-keygen -Y
   * verify`, which looks at authority, signature, type, validity and principals as sshd does, but at no critical option.
   */
  convinces(certificate: Uint8Array, principal: string): boolean {
    const signers = this.#write('signers', `* cert-authority ${formatPublicKeyLine(AUTHORITY.key)}\n`);
    const blob = (fields: (writer: WireWriter) => WireWriter): Uint8Array => fields(new WireWriter().bytes(Buffer.from('SSHSIG'))).finish();
    const digest = Buffer.from(spawnSync('sha512sum', { input: 'data', encoding: 'utf8', timeout: TIMEOUT_MS }).stdout.slice(0, 128), 'hex');
    const signed = blob((writer) => writer.string('fuzz').string('').string('sha512').string(digest));
    const signature = signData(SUBJECT.key, SUBJECT.privateKey, signed);
    const whole = blob((writer) => writer.uint32(1).string(certificate).string('fuzz').string('').string('sha512').string(signature));
    const armoured = Buffer.from(whole).toString('base64').replace(/(.{70})/g, '$1\n');
    const file = this.#write('signature', `-----BEGIN SSH SIGNATURE-----\n${armoured}\n-----END SSH SIGNATURE-----\n`);
    return this.#run('ssh-keygen', ['-Y', 'verify', '-f', signers, '-I', principal, '-n', 'fuzz', '-s', file], 'data').status === 0;
  }

  /** What `sshd -T` prints for a configuration; undefined when it refuses it. `%d` is a folder of its own. */
  effective(config: string): string | undefined {
    this.#hostKey ??= this.#makeHostKey();
    const { status, stdout } = this.#run('/usr/sbin/sshd', ['-T', '-f', this.#write('sshd_config', config), '-h', this.#hostKey]);
    return status === 0 ? stdout : undefined;
  }

  /** A drop-in that shows in `sshd -T` when it was read. */
  dropIn(): string {
    const folder = join(this.folder, 'sshd_config.d');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, '00-ensign.conf');
    writeFileSync(file, 'SetEnv ENSIGN=1\n');
    return file;
  }

  #makeHostKey(): string {
    const file = join(this.folder, 'host_key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file], { timeout: TIMEOUT_MS });
    return file;
  }

  #write(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  #run(program: string, args: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
    const env = { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C.UTF-8' };
    const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: 'latin1', env, timeout: TIMEOUT_MS, maxBuffer: 256 * 1024 * 1024 });
    if (error !== undefined) throw error;
    return { status, stdout, stderr };
  }
}

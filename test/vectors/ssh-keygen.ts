import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sshpk from 'sshpk';
import { concat, str } from './bytes.ts';

export const SUBJECTS = ['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa', 'sk-ed25519', 'sk-ecdsa'] as const;
export type SubjectName = (typeof SUBJECTS)[number];
export const AUTHORITIES = ['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa'] as const;
export type AuthorityName = (typeof AUTHORITIES)[number];

export interface SignOptions {
  readonly host?: boolean;
  readonly keyId?: string;
  readonly principals?: readonly string[];
  readonly serial?: string;
  /** As -V takes it, in UTC. */
  readonly validity?: string;
  /** As -O takes them. */
  readonly options?: readonly string[];
  readonly algorithm?: 'rsa-sha2-256' | 'rsa-sha2-512';
}

/** Keys made by the real ssh-keygen in a folder of their own; `close` removes it. */
export class KeyFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'ensign-wire-'));

  /** The `.pub` line of a key of this kind, made at the first call. sk-* keys have no private half. */
  subject(name: SubjectName): string {
    return this.#make(`subject-${name}`, name);
  }

  /** The `.pub` line of an authority. */
  authority(name: AuthorityName): string {
    return this.#make(`authority-${name}`, name);
  }

  privateKey(name: AuthorityName): KeyObject {
    this.authority(name);
    const key = sshpk.parsePrivateKey(readFileSync(join(this.path, `authority-${name}`)), 'ssh');
    if (name !== 'ed25519') return createPrivateKey(key.toString('pkcs8'));
    // OpenSSL cannot read sshpk's PKCS#8 of an Ed25519 key
    const [d = '', x = ''] = ['k', 'A'].map((part) => (key.part as unknown as Record<string, { data: Buffer }>)[part]?.data.toString('base64url'));
    return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
  }

  /** The `-cert.pub` line that `ssh-keygen -s` makes. */
  sign(authority: AuthorityName, subject: SubjectName, options: SignOptions = {}): string {
    this.authority(authority);
    this.subject(subject);
    const args = ['-q', '-s', `authority-${authority}`, '-I', options.keyId ?? 'anna@example.com: test'];
    if (options.host === true) args.push('-h');
    if (options.principals !== undefined && options.principals.length > 0) args.push('-n', options.principals.join(','));
    if (options.algorithm !== undefined) args.push('-t', options.algorithm);
    args.push('-z', options.serial ?? '1', '-V', options.validity ?? '20250101:20450101');
    for (const option of options.options ?? []) args.push('-O', option);
    this.#run([...args, `subject-${subject}.pub`]);
    return readFileSync(join(this.path, `subject-${subject}-cert.pub`), 'utf8').trimEnd();
  }

  close(): void {
    rmSync(this.path, { recursive: true });
  }

  #make(file: string, name: SubjectName): string {
    const path = join(this.path, file);
    try {
      return readFileSync(`${path}.pub`, 'utf8').trimEnd();
    } catch {
      // not made yet
    }
    if (name === 'sk-ed25519' || name === 'sk-ecdsa') {
      writeFileSync(`${path}.pub`, `${securityKeyLine(name)}\n`);
    } else {
      const [type = '', bits = '2048'] = name.split('-');
      this.#run(['-q', '-t', type, '-b', bits, '-N', '', '-C', `${name}@test`, '-f', file]);
    }
    return this.#make(file, name);
  }

  #run(args: readonly string[]): void {
    execFileSync('ssh-keygen', args, { cwd: this.path, stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'], TZ: 'UTC' } });
  }
}

/** What `ssh-keygen -L` says about a certificate line; undefined when it refuses it. */
export function showCertificate(line: string): string | undefined {
  return keygenOnInput(['-L', '-f', '-'], line);
}

/** `SHA256:...` as `ssh-keygen -l` prints it; undefined when it refuses the line. */
export function showFingerprint(line: string): string | undefined {
  return keygenOnInput(['-l', '-f', '-'], line)?.split(' ')[1];
}

function keygenOnInput(args: readonly string[], input: string): string | undefined {
  const result = spawnSync('ssh-keygen', args, { input: `${input}\n`, encoding: 'utf8', env: { PATH: process.env['PATH'], TZ: 'UTC' } });
  return result.status === 0 ? result.stdout : undefined;
}

/** Only the public half, which needs no hardware: OpenSSH's PROTOCOL.u2f. */
function securityKeyLine(name: 'sk-ed25519' | 'sk-ecdsa'): string {
  if (name === 'sk-ed25519') {
    const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    return publicLine('sk-ssh-ed25519@openssh.com', [Buffer.from(x, 'base64url'), 'ssh:']);
  }
  const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  const point = concat(Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url'));
  return publicLine('sk-ecdsa-sha2-nistp256@openssh.com', ['nistp256', point, 'ssh:laptops']);
}

function publicLine(type: string, strings: readonly (Uint8Array | string)[]): string {
  return `${type} ${Buffer.from(concat(str(type), ...strings.map(str))).toString('base64')} sk@test`;
}

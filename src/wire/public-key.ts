import { createHash } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import type { Curve } from './curves.ts';
import { bitLength, readKeyBody, writeKeyBody } from './key-body.ts';
import { formatLine, parseLine } from './key-line.ts';
import { WireReader } from './reader.ts';
import { WireWriter } from './writer.ts';

/** A plain public key. Numbers are big-endian magnitudes without leading zeros, points are uncompressed. */
export type PublicKey = KnownPublicKey | UnknownPublicKey;

/** A key of a type that ensign understands: what can be certified. */
export type KnownPublicKey =
  | { readonly kind: 'ed25519'; readonly type: 'ssh-ed25519'; readonly point: Uint8Array }
  | { readonly kind: 'ecdsa'; readonly type: `ecdsa-sha2-${Curve}`; readonly curve: Curve; readonly point: Uint8Array }
  | { readonly kind: 'rsa'; readonly type: 'ssh-rsa'; readonly e: Uint8Array; readonly n: Uint8Array }
  | {
      readonly kind: 'sk-ed25519';
      readonly type: 'sk-ssh-ed25519@openssh.com';
      readonly point: Uint8Array;
      readonly application: string;
    }
  | {
      readonly kind: 'sk-ecdsa';
      readonly type: 'sk-ecdsa-sha2-nistp256@openssh.com';
      readonly curve: 'nistp256';
      readonly point: Uint8Array;
      readonly application: string;
    };

/** A key that can be named, compared and fingerprinted, but not understood. `blob` includes the type name. */
export interface UnknownPublicKey {
  readonly kind: 'unknown';
  readonly type: string;
  readonly blob: Uint8Array;
}

export type KnownKeyType = KnownPublicKey['type'];

// what RFC 4250 section 4.6.1 allows in a name; anything else could break a known_hosts or authorized_keys line
const TYPE_NAME = /^[\x21-\x2b\x2d-\x7e]{1,64}$/;
const CERTIFICATE_TYPE = /-cert-v\d\d@openssh\.com$/;

const KNOWN_TYPES: Readonly<Record<KnownKeyType, true>> = {
  'ssh-ed25519': true,
  'ecdsa-sha2-nistp256': true,
  'ecdsa-sha2-nistp384': true,
  'ecdsa-sha2-nistp521': true,
  'ssh-rsa': true,
  'sk-ssh-ed25519@openssh.com': true,
  'sk-ecdsa-sha2-nistp256@openssh.com': true,
};

/**
 * Reads a public key blob: RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH PROTOCOL.u2f.
 * A type that is not known gives kind `unknown`, never an error.
 * @throws AppError `wire/certificate-as-key`, `wire/truncated`, `wire/trailing-bytes`, `wire/bad-key`, `wire/bad-curve`,
 *   `wire/non-canonical-integer`, `wire/bad-text`
 */
export function decodePublicKey(blob: Uint8Array): PublicKey {
  // one copy, so that the key does not change with (or keep alive) a network buffer
  const bytes = Uint8Array.from(blob);
  const reader = new WireReader(bytes);
  const type = reader.utf8();
  if (CERTIFICATE_TYPE.test(type)) {
    throw new AppError('wire/certificate-as-key', 'a certificate stands where a plain public key belongs', {
      hint: 'give the plain public key (KEY.pub, not KEY-cert.pub)',
    });
  }
  if (!isKnownType(type)) {
    if (!TYPE_NAME.test(type)) throw new AppError('wire/bad-key', 'the public key has an impossible type name');
    return { kind: 'unknown', type, blob: bytes };
  }
  const key = readKeyBody(type, reader);
  reader.end();
  return key;
}

/** The bytes that {@link decodePublicKey} reads. */
export function encodePublicKey(key: PublicKey): Uint8Array {
  if (key.kind === 'unknown') return key.blob;
  const writer = new WireWriter();
  writePublicKey(writer, key);
  return writer.finish();
}

/** Adds the bytes of {@link encodePublicKey}. */
export function writePublicKey(writer: WireWriter, key: PublicKey): void {
  if (key.kind === 'unknown') writer.bytes(key.blob);
  else writeKeyBody(writer.string(key.type), key);
}

/**
 * Reads one line of a `.pub` file: type, base64, comment. Options as in authorized_keys are not read.
 * @throws AppError `wire/bad-text`, and the errors of {@link decodePublicKey}
 */
export function parsePublicKeyLine(line: string): { key: PublicKey; comment: string } {
  const { blob, comment } = parseLine(line);
  return { key: decodePublicKey(blob), comment };
}

/** The line of a `.pub` file, without newline. @throws AppError `wire/bad-text` for a comment that would break it */
export function formatPublicKeyLine(key: PublicKey, comment = ''): string {
  return formatLine(key.type, encodePublicKey(key), comment);
}

/** `SHA256:` and base64 without padding, as `ssh-keygen -l` prints it. */
export function fingerprint(key: PublicKey): string {
  return `SHA256:${createHash('sha256').update(encodePublicKey(key)).digest('base64').replace(/=+$/, '')}`;
}

export function samePublicKey(a: PublicKey, b: PublicKey): boolean {
  // asked many times for each certificate, nearly always about these
  if (a.kind === 'ed25519' && b.kind === 'ed25519') return Buffer.compare(a.point, b.point) === 0;
  return a.type === b.type && Buffer.compare(encodePublicKey(a), encodePublicKey(b)) === 0;
}

/** Bits of an RSA modulus, as `ssh-keygen -l` prints them. */
export function rsaBits(key: Extract<PublicKey, { kind: 'rsa' }>): number {
  return bitLength(key.n);
}

/** True for every type of OpenSSH certificate, also of those that ensign cannot read: none of them is a plain key. */
export function isCertificateType(type: string): boolean {
  return CERTIFICATE_TYPE.test(type);
}

export function isKnownType(type: string): type is KnownKeyType {
  return Object.hasOwn(KNOWN_TYPES, type);
}

import { AppError } from '../base/errors.ts';
import { isPointOnCurve, type Curve } from './curves.ts';
import type { KnownPublicKey, KnownKeyType } from './public-key.ts';
import type { WireReader } from './reader.ts';
import type { WireWriter } from './writer.ts';

// OpenSSH's own limits: SSH_RSA_MINIMUM_MODULUS_SIZE and OPENSSL_RSA_MAX_MODULUS_BITS
const RSA_MIN_BITS = 1024;
const RSA_MAX_BITS = 16_384;

/**
 * Reads what follows the type name of a public key, or the nonce of a certificate (PROTOCOL.certkeys).
 * @throws AppError `wire/truncated`, `wire/bad-key`, `wire/bad-curve`, `wire/non-canonical-integer`, `wire/bad-text`
 */
export function readKeyBody(type: KnownKeyType, reader: WireReader): KnownPublicKey {
  switch (type) {
    case 'ssh-ed25519':
      return { kind: 'ed25519', type, point: readEd25519Point(reader) };
    case 'ecdsa-sha2-nistp256':
      return { kind: 'ecdsa', type, curve: 'nistp256', point: readCurvePoint(reader, 'nistp256') };
    case 'ecdsa-sha2-nistp384':
      return { kind: 'ecdsa', type, curve: 'nistp384', point: readCurvePoint(reader, 'nistp384') };
    case 'ecdsa-sha2-nistp521':
      return { kind: 'ecdsa', type, curve: 'nistp521', point: readCurvePoint(reader, 'nistp521') };
    case 'ssh-rsa':
      return { kind: 'rsa', type, ...readRsaNumbers(reader) };
    case 'sk-ssh-ed25519@openssh.com':
      return { kind: 'sk-ed25519', type, point: readEd25519Point(reader), application: reader.text() };
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return { kind: 'sk-ecdsa', type, curve: 'nistp256', point: readCurvePoint(reader, 'nistp256'), application: reader.text() };
  }
}

/** The counterpart of {@link readKeyBody}. */
export function writeKeyBody(writer: WireWriter, key: KnownPublicKey): void {
  switch (key.kind) {
    case 'ed25519':
      writer.string(key.point);
      return;
    case 'ecdsa':
      writer.string(key.curve).string(key.point);
      return;
    case 'rsa':
      writer.mpint(key.e).mpint(key.n);
      return;
    case 'sk-ed25519':
      writer.string(key.point).string(key.application);
      return;
    case 'sk-ecdsa':
      writer.string(key.curve).string(key.point).string(key.application);
      return;
  }
}

/** Bits of an RSA modulus, as `ssh-keygen -l` counts them. */
export function bitLength(magnitude: Uint8Array): number {
  const first = magnitude.findIndex((byte) => byte !== 0);
  if (first === -1) return 0;
  return (magnitude.length - first) * 8 - (Math.clz32(magnitude[first] ?? 0) - 24);
}

function readEd25519Point(reader: WireReader): Uint8Array {
  const point = reader.string();
  if (point.length !== 32) throw badKey(`an Ed25519 key has 32 bytes, not ${point.length}`);
  return point;
}

function readCurvePoint(reader: WireReader, curve: Curve): Uint8Array {
  const named = reader.utf8();
  if (named !== curve) {
    throw new AppError('wire/bad-curve', `the key names the curve ${JSON.stringify(named)}, its type means ${curve}`);
  }
  const point = reader.string();
  if (!isPointOnCurve(curve, point)) throw badKey(`the key is not an uncompressed point on ${curve}`);
  return point;
}

function readRsaNumbers(reader: WireReader): { e: Uint8Array; n: Uint8Array } {
  const e = reader.mpint();
  const n = reader.mpint();
  const bits = bitLength(n);
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS) {
    throw badKey(`an RSA key has ${RSA_MIN_BITS} to ${RSA_MAX_BITS} bits, not ${bits}`);
  }
  if (!isOdd(n)) throw badKey('the RSA modulus is even');
  if (!isOdd(e) || bitLength(e) < 2 || bitLength(e) >= bits) throw badKey('the RSA exponent is out of range');
  return { e, n };
}

function isOdd(magnitude: Uint8Array): boolean {
  return ((magnitude.at(-1) ?? 0) & 1) === 1;
}

function badKey(message: string): AppError {
  return new AppError('wire/bad-key', message, { hint: 'the public key is damaged: copy it again from where it was made' });
}

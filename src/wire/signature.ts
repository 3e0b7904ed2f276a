import { sign, verify, type KeyObject } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import { CURVES } from './curves.ts';
import { toKeyObject } from './key-object.ts';
import type { PublicKey } from './public-key.ts';
import { WireReader } from './reader.ts';
import { WireWriter } from './writer.ts';

/** Signature algorithms that ensign makes and verifies. SHA-1 (`ssh-rsa`) is not among them, on purpose. */
export type SignatureAlgorithm = 'ssh-ed25519' | `ecdsa-sha2-nistp${'256' | '384' | '521'}` | 'rsa-sha2-256' | 'rsa-sha2-512';

/**
 * True when `signature` (an SSH signature blob: string algorithm, string signature) is the key's over the data.
 * False for every malformed or foreign signature, and for keys that ensign cannot verify with (sk-*, unknown).
 */
export function verifySignature(key: PublicKey, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    const parts = decodeSignature(key, signature);
    const keyObject = toKeyObject(key);
    if (parts === undefined || keyObject === undefined) return false;
    return verify(hashOf(parts.algorithm), data, { key: keyObject, dsaEncoding: 'ieee-p1363' }, parts.raw);
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** Tells whether an SSH signature blob is one key's over the data. */
export type Verifier = (data: Uint8Array, signature: Uint8Array) => Promise<boolean>;

/**
 * {@link verifySignature} for many signatures of one key, beside the main thread. The key is taken as it is now. A
 * verification that fails for whatever reason is a no.
 * @throws AppError `wire/bad-key`
 */
export function verifierOf(key: PublicKey): Verifier {
  const taken = structuredClone(key);
  const keyObject = toKeyObject(taken);
  return (data, signature) =>
    new Promise((resolve) => {
      const parts = keyObject === undefined ? undefined : partsOrNothing(taken, signature);
      if (keyObject === undefined || parts === undefined) resolve(false);
      else verify(hashOf(parts.algorithm), data, { key: keyObject, dsaEncoding: 'ieee-p1363' }, parts.raw, (error, good) => resolve(error === null && good));
    });
}

/**
 * Signs with a private key that belongs to `key`, and gives the SSH signature blob. RSA keys sign with rsa-sha2-512,
 * as `ssh-keygen -s` does by default.
 * @throws AppError `wire/signature-algorithm`
 */
export function signData(key: PublicKey, privateKey: KeyObject, data: Uint8Array, algorithm = defaultAlgorithm(key)): Uint8Array {
  const raw = sign(hashOf(algorithm), data, key.kind === 'ecdsa' ? { key: privateKey, dsaEncoding: 'ieee-p1363' } : privateKey);
  return encodeSignature(key, raw, algorithm);
}

/**
 * Turns node:crypto output (for ECDSA with `dsaEncoding: 'ieee-p1363'`) into an SSH signature blob: RFC 4253 section
 * 6.6, RFC 5656 section 3.1.2, RFC 8332, RFC 8709.
 * @throws AppError `wire/signature-algorithm`, `wire/bad-signature-length`
 */
export function encodeSignature(key: PublicKey, raw: Uint8Array, algorithm = defaultAlgorithm(key)): Uint8Array {
  checkAlgorithm(key, algorithm);
  if (raw.length !== rawLength(key)) throw badLength(algorithm);
  const writer = new WireWriter(raw.length + 64).string(algorithm);
  if (key.kind !== 'ecdsa') return writer.string(raw).finish();
  const { size } = CURVES[key.curve];
  const numbers = new WireWriter(160).mpint(raw.subarray(0, size)).mpint(raw.subarray(size));
  return writer.string(numbers.finish()).finish();
}

/**
 * Takes an SSH signature blob apart; `raw` is what node:crypto verifies. Undefined for keys whose signatures ensign
 * does not know (sk-*, unknown).
 * @throws AppError `wire/signature-algorithm`, `wire/bad-signature-length`, `wire/non-canonical-integer`,
 *   `wire/truncated`, `wire/trailing-bytes`, `wire/bad-text`
 */
export function decodeSignature(key: PublicKey, signature: Uint8Array): { algorithm: SignatureAlgorithm; raw: Uint8Array } | undefined {
  const reader = new WireReader(signature);
  const algorithm = reader.utf8();
  if (defaultOf(key) === undefined) return undefined;
  checkAlgorithm(key, algorithm);
  const value = reader.string();
  reader.end();
  const raw = key.kind === 'ecdsa' ? joinNumbers(algorithm, value, CURVES[key.curve].size) : value;
  if (raw.length !== rawLength(key)) throw badLength(algorithm);
  return { algorithm, raw };
}

function partsOrNothing(key: PublicKey, signature: Uint8Array): ReturnType<typeof decodeSignature> {
  try {
    return decodeSignature(key, signature);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

const RSA_ALGORITHMS: readonly SignatureAlgorithm[] = ['rsa-sha2-512', 'rsa-sha2-256'];

function signsWith(key: PublicKey, algorithm: string): algorithm is SignatureAlgorithm {
  return key.kind === 'rsa' ? RSA_ALGORITHMS.some((a) => a === algorithm) : algorithm === defaultOf(key);
}

/** The algorithm of a key, for RSA the one that ssh-keygen takes. Undefined for keys whose signatures ensign does not know. */
function defaultOf(key: PublicKey): SignatureAlgorithm | undefined {
  switch (key.kind) {
    case 'ed25519':
    case 'ecdsa':
      return key.type;
    case 'rsa':
      return 'rsa-sha2-512';
    case 'sk-ed25519':
    case 'sk-ecdsa':
    case 'unknown':
      return undefined;
  }
}

function defaultAlgorithm(key: PublicKey): SignatureAlgorithm {
  const algorithm = defaultOf(key);
  if (algorithm === undefined) throw new AppError('wire/signature-algorithm', `ensign cannot sign with a key of type ${key.type}`);
  return algorithm;
}

function checkAlgorithm(key: PublicKey, algorithm: string): asserts algorithm is SignatureAlgorithm {
  if (signsWith(key, algorithm)) return;
  throw new AppError('wire/signature-algorithm', `a key of type ${key.type} does not sign with ${JSON.stringify(algorithm)}`, {
    hint: algorithm === 'ssh-rsa' ? 'SHA-1 signatures are refused: sign with rsa-sha2-512' : undefined,
  });
}

/** Bytes of a signature in node:crypto's form; RSA signatures are exactly as long as the modulus. */
function rawLength(key: PublicKey): number {
  if (key.kind === 'ecdsa') return 2 * CURVES[key.curve].size;
  return key.kind === 'rsa' ? key.n.length : 64;
}

function joinNumbers(algorithm: string, value: Uint8Array, size: number): Uint8Array {
  const reader = new WireReader(value);
  const r = reader.mpint();
  const s = reader.mpint();
  reader.end();
  if (r.length > size || s.length > size || r.length === 0 || s.length === 0) throw badLength(algorithm);
  const raw = new Uint8Array(2 * size);
  raw.set(r, size - r.length);
  raw.set(s, 2 * size - s.length);
  return raw;
}

/** Null where the algorithm brings its own hash. */
function hashOf(algorithm: SignatureAlgorithm): string | null {
  switch (algorithm) {
    case 'ssh-ed25519':
      return null;
    case 'ecdsa-sha2-nistp256':
      return CURVES.nistp256.hash;
    case 'ecdsa-sha2-nistp384':
      return CURVES.nistp384.hash;
    case 'ecdsa-sha2-nistp521':
      return CURVES.nistp521.hash;
    case 'rsa-sha2-256':
      return 'sha256';
    case 'rsa-sha2-512':
      return 'sha512';
  }
}

function badLength(algorithm: string): AppError {
  return new AppError('wire/bad-signature-length', `a signature of type ${algorithm} has a wrong length`);
}

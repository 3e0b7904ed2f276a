import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import { CURVES } from './curves.ts';
import type { PublicKey } from './public-key.ts';

/**
 * The key as node:crypto knows it. Undefined for sk-* keys, whose signatures cover more than the data, and for
 * unknown ones.
 * @throws AppError `wire/bad-key` for a key that OpenSSL refuses
 */
export function toKeyObject(key: PublicKey): KeyObject | undefined {
  const jwk = toJwk(key);
  if (jwk === undefined) return undefined;
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw new AppError('wire/bad-key', `the ${key.type} key is not usable`, { cause });
  }
}

function toJwk(key: PublicKey): JsonWebKey | undefined {
  switch (key.kind) {
    case 'ed25519':
      return { kty: 'OKP', crv: 'Ed25519', x: base64url(key.point) };
    case 'ecdsa': {
      const { jwk, size } = CURVES[key.curve];
      return { kty: 'EC', crv: jwk, x: base64url(key.point.subarray(1, 1 + size)), y: base64url(key.point.subarray(1 + size)) };
    }
    case 'rsa':
      return { kty: 'RSA', e: base64url(key.e), n: base64url(key.n) };
    case 'sk-ed25519':
    case 'sk-ecdsa':
    case 'unknown':
      return undefined;
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { PublicKey } from '../../../src/wire/public-key.ts';

export interface KeyPair {
  readonly key: PublicKey;
  readonly privateKey: KeyObject;
}

export function ed25519Key(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { privateKey, key: { kind: 'ed25519', type: 'ssh-ed25519', point: members(publicKey)('x') } };
}

export function ecKey(name: 'P-256' | 'P-384' | 'P-521'): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: name });
  const part = members(publicKey);
  const curve = ({ 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' } as const)[name];
  return { privateKey, key: { kind: 'ecdsa', type: `ecdsa-sha2-${curve}`, curve, point: new Uint8Array([4, ...part('x'), ...part('y')]) } };
}

export function rsaKey(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const part = members(publicKey);
  return { privateKey, key: { kind: 'rsa', type: 'ssh-rsa', e: part('e'), n: part('n') } };
}

function members(publicKey: KeyObject): (name: 'x' | 'y' | 'e' | 'n') => Uint8Array {
  const jwk = publicKey.export({ format: 'jwk' });
  return (name) => new Uint8Array(Buffer.from(jwk[name] ?? '', 'base64url'));
}

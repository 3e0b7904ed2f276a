import type { CertOption, CertificateFields } from '../wire/certificate.ts';
import type { PublicKey } from '../wire/public-key.ts';
import type { Candidate } from './candidate.ts';

/**
 * A copy of everything that is signed or recorded, so that nobody can change it between lint and signature. Each value
 * is read once, and texts and bytes are held to be just that: an object that answers differently each time it is asked
 * would show lint one thing and the encoder another. By hand, because structuredClone takes as long as the signature.
 * @throws TypeError for a value that is not of its type
 */
export function snapshot(candidate: Candidate): Candidate {
  const { profile, authority, who, why, reason, requestId, preparedAt, hostId } = candidate;
  return {
    profile: { ...profile },
    authority: { ...authority },
    fields: copyFields(candidate.fields),
    who: text(who),
    why: text(why),
    reason: reason === undefined ? undefined : text(reason),
    requestId: text(requestId),
    preparedAt: number(preparedAt),
    hostId: hostId === undefined ? undefined : text(hostId),
  };
}

function copyFields({ type, nonce, subject, serial, keyId, principals, validAfter, validBefore, criticalOptions, extensions, signatureKey }: CertificateFields): CertificateFields {
  return {
    type: text(type),
    nonce: bytes(nonce),
    subject: copyKey(subject),
    serial: integer(serial),
    keyId: text(keyId),
    principals: Array.from(principals, text),
    validAfter: integer(validAfter),
    validBefore: integer(validBefore),
    criticalOptions: Array.from(criticalOptions, copyOption),
    extensions: Array.from(extensions, copyOption),
    signatureKey: copyKey(signatureKey),
  };
}

function copyKey(key: PublicKey): PublicKey {
  switch (key.kind) {
    case 'ed25519':
      return { kind: text(key.kind), type: text(key.type), point: bytes(key.point) };
    case 'ecdsa':
      return { kind: text(key.kind), type: text(key.type), curve: text(key.curve), point: bytes(key.point) };
    case 'rsa':
      return { kind: text(key.kind), type: text(key.type), e: bytes(key.e), n: bytes(key.n) };
    case 'sk-ed25519':
      return { kind: text(key.kind), type: text(key.type), point: bytes(key.point), application: text(key.application) };
    case 'sk-ecdsa':
      return { kind: text(key.kind), type: text(key.type), curve: text(key.curve), point: bytes(key.point), application: text(key.application) };
    case 'unknown':
      return { kind: text(key.kind), type: text(key.type), blob: bytes(key.blob) };
  }
}

function copyOption({ name, value, raw }: CertOption): CertOption {
  return raw === undefined ? { name: text(name), value: text(value) } : { name: text(name), value: text(value), raw: bytes(raw) };
}

function text<T extends string>(value: T): T {
  return of('string', value);
}

function integer(value: bigint): bigint {
  return of('bigint', value);
}

function number(value: number): number {
  return of('number', value);
}

function of<T>(type: 'string' | 'bigint' | 'number', value: T): T {
  if (typeof value !== type) throw new TypeError(`a ${type} of the candidate is none`);
  return value;
}

function bytes(value: Uint8Array): Uint8Array {
  // a view of an ArrayBuffer would go on changing with it
  if (!(value instanceof Uint8Array)) throw new TypeError('bytes of the candidate are none');
  return new Uint8Array(value);
}

// Raw SSH bytes for tests, on purpose without a line of src/wire: an encoder must not be the judge of itself.

/** A certificate blob in its fields, each as it stands in the bytes, none of them understood. */
export interface Parts {
  type: Uint8Array;
  nonce: Uint8Array;
  /** The strings of the subject's public key. */
  key: Uint8Array[];
  serial: Uint8Array;
  kind: number;
  keyId: Uint8Array;
  principals: Uint8Array;
  validAfter: Uint8Array;
  validBefore: Uint8Array;
  criticalOptions: Uint8Array;
  extensions: Uint8Array;
  reserved: Uint8Array;
  signatureKey: Uint8Array;
  signature: Uint8Array;
}

export function takeApart(blob: Uint8Array): Parts {
  let at = 0;
  const fixed = (count: number) => blob.subarray(at, (at += count));
  const string = () => fixed(Buffer.from(fixed(4)).readUInt32BE());
  const type = string();
  const nonce = string();
  return {
    type,
    nonce,
    key: Array.from({ length: keyStrings(Buffer.from(type).toString()) }, string),
    serial: fixed(8),
    kind: Buffer.from(fixed(4)).readUInt32BE(),
    keyId: string(),
    principals: string(),
    validAfter: fixed(8),
    validBefore: fixed(8),
    criticalOptions: string(),
    extensions: string(),
    reserved: string(),
    signatureKey: string(),
    signature: string(),
  };
}

/** What the authority signs. */
export function signedBytes(p: Parts): Uint8Array {
  return concat(
    ...[p.type, p.nonce, ...p.key].map(str),
    p.serial,
    u32(p.kind),
    ...[p.keyId, p.principals].map(str),
    p.validAfter,
    p.validBefore,
    ...[p.criticalOptions, p.extensions, p.reserved, p.signatureKey].map(str),
  );
}

export function putTogether(p: Parts): Uint8Array {
  return concat(signedBytes(p), str(p.signature));
}

export function str(value: Uint8Array | string): Uint8Array {
  const bytes = Buffer.from(value);
  return concat(u32(bytes.length), bytes);
}

export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A copy with one bit changed. */
export function flipBit(bytes: Uint8Array, at: number, bit = 0): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ (1 << bit);
  return copy;
}

function keyStrings(type: string): number {
  if (type.startsWith('sk-ecdsa')) return 3;
  return type.startsWith('ssh-ed25519') ? 1 : 2;
}

import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { concat, flipBit, putTogether, signedBytes, str, takeApart, u32, type Parts } from './bytes.ts';

/** What the mistakes are made from: certificates of ssh-keygen by name of the subject, and the authority's private key. */
export interface Material {
  readonly certificates: Readonly<Record<'ed25519' | 'ecdsa' | 'rsa' | 'sk', Uint8Array>>;
  /** Certificates of an Ed25519 subject by their authority. */
  readonly signedBy: Readonly<Record<'rsa' | 'ecdsa', Uint8Array>>;
  readonly authority: KeyObject;
}

export interface Mistake {
  readonly name: string;
  readonly code: string;
  readonly blob: Uint8Array;
}

type Change = (parts: Parts) => Partial<Parts>;

/** Certificates that must not be read, each with one mistake. All but those of the signature itself are signed again. */
export function decodingMistakes(material: Material): Mistake[] {
  const { ed25519, ecdsa, rsa, sk } = material.certificates;
  const signed = (name: string, code: string, change: Change, from = ed25519): Mistake => {
    const parts = takeApart(from);
    const changed = { ...parts, ...change(parts) };
    const raw = sign(null, signedBytes(changed), material.authority);
    return { name, code, blob: putTogether({ ...changed, signature: concat(str('ssh-ed25519'), str(raw)) }) };
  };
  const unsigned = (name: string, code: string, change: Change, from = ed25519): Mistake => {
    const parts = takeApart(from);
    return { name, code, blob: putTogether({ ...parts, ...change(parts) }) };
  };
  const key = (name: string, code: string, index: number, change: (old: Uint8Array) => Uint8Array, from: Uint8Array) =>
    signed(name, code, (p) => ({ key: p.key.map((old, i) => (i === index ? change(old) : old)) }), from);

  return [
    { name: 'nothing at all', code: 'wire/truncated', blob: new Uint8Array(0) },
    { name: 'the last byte is missing', code: 'wire/truncated', blob: ed25519.slice(0, -1) },
    { name: 'one byte after the end', code: 'wire/trailing-bytes', blob: concat(ed25519, Uint8Array.of(0)) },
    { name: 'a plain key instead of a certificate', code: 'wire/wrong-type', blob: takeApart(ed25519).signatureKey },
    signed('a type that nobody certifies', 'wire/wrong-type', () => ({ type: Buffer.from('ssh-dss-cert-v01@openssh.com') })),
    signed('the old certificate format', 'wire/wrong-type', () => ({ type: Buffer.from('ssh-ed25519-cert-v00@openssh.com') })),
    signed('a type name of another vendor', 'wire/wrong-type', () => ({ type: Buffer.from('ssh-ed25519-cert-v01@example.com') })),
    signed('purpose 0', 'wire/wrong-type', () => ({ kind: 0 })),
    signed('purpose 3', 'wire/wrong-type', () => ({ kind: 3 })),

    key('an Ed25519 point of 31 bytes', 'wire/bad-key', 0, (old) => old.slice(1), ed25519),
    key('an Ed25519 point of 33 bytes', 'wire/bad-key', 0, (old) => concat(old, Uint8Array.of(0)), ed25519),
    key('the name of another curve', 'wire/bad-curve', 0, () => Buffer.from('nistp384'), ecdsa),
    key('a curve in OpenSSL\'s name', 'wire/bad-curve', 0, () => Buffer.from('prime256v1'), ecdsa),
    key('no curve name', 'wire/bad-curve', 0, () => new Uint8Array(0), ecdsa),
    key('a point that is one byte short', 'wire/bad-key', 1, (old) => old.slice(0, -1), ecdsa),
    key('a point that is one byte long', 'wire/bad-key', 1, (old) => concat(old, Uint8Array.of(0)), ecdsa),
    key('a compressed point', 'wire/bad-key', 1, compressed, ecdsa),
    key('a hybrid point', 'wire/bad-key', 1, (old) => concat(Uint8Array.of(6 + ((old[64] ?? 0) & 1)), old.slice(1)), ecdsa),
    key('the point at infinity', 'wire/bad-key', 1, () => Uint8Array.of(0), ecdsa),
    key('a point beside the curve', 'wire/bad-key', 1, (old) => flipBit(old, 64), ecdsa),
    key('a coordinate beyond the prime', 'wire/bad-key', 1, () => concat(Uint8Array.of(4), new Uint8Array(64).fill(0xff)), ecdsa),
    key('an exponent with a needless zero', 'wire/non-canonical-integer', 0, (old) => concat(Uint8Array.of(0), old), rsa),
    key('zero as the exponent', 'wire/bad-key', 0, () => new Uint8Array(0), rsa),
    key('zero as the exponent, in one byte', 'wire/non-canonical-integer', 0, () => Uint8Array.of(0), rsa),
    key('one as the exponent', 'wire/bad-key', 0, () => Uint8Array.of(1), rsa),
    key('an even exponent', 'wire/bad-key', 0, () => Uint8Array.of(1, 0, 0), rsa),
    key('an exponent as long as the modulus', 'wire/bad-key', 0, () => concat(Uint8Array.of(0), new Uint8Array(256).fill(0xff)), rsa),
    key('a modulus with a needless zero', 'wire/non-canonical-integer', 1, (old) => concat(Uint8Array.of(0), old), rsa),
    key('a negative modulus', 'wire/non-canonical-integer', 1, (old) => old.slice(1), rsa),
    key('an even modulus', 'wire/bad-key', 1, (old) => flipBit(old, old.length - 1), rsa),
    key('a modulus of 1016 bits', 'wire/bad-key', 1, (old) => old.slice(0, 128), rsa),
    key('a modulus of 16392 bits', 'wire/bad-key', 1, () => concat(Uint8Array.of(0), new Uint8Array(2049).fill(0xff)), rsa),
    key('a NUL in the application of a security key', 'wire/bad-text', 1, () => Buffer.from('ssh:\0x'), sk),
    key('an application that is not UTF-8', 'wire/bad-text', 1, () => Uint8Array.of(0x73, 0xff), sk),

    signed('a key id that is not UTF-8', 'wire/bad-text', () => ({ keyId: Uint8Array.of(0x61, 0xc3) })),
    signed('a NUL in the key id', 'wire/bad-text', () => ({ keyId: Buffer.from('anna\0root') })),
    signed('a NUL in a principal', 'wire/bad-text', () => ({ principals: str('root\0x') })),
    signed('an empty principal', 'wire/bad-principal', (p) => ({ principals: concat(p.principals, str('')) })),
    signed('257 principals', 'wire/bad-principal', () => ({ principals: concat(...Array.from({ length: 257 }, (_, i) => str(`p${i}`))) })),
    signed('three bytes too many in the principals', 'wire/truncated', (p) => ({ principals: concat(p.principals, Uint8Array.of(0, 0, 0)) })),
    signed('a principal that is longer than the list', 'wire/truncated', () => ({ principals: concat(u32(5), Buffer.from('root')) })),

    signed('an unknown critical option', 'wire/unknown-critical-option', () => ({ criticalOptions: flag('expire-password') })),
    signed('an extension among the critical options', 'wire/unknown-critical-option', () => ({ criticalOptions: flag('permit-pty') })),
    signed('a critical option called __proto__', 'wire/unknown-critical-option', () => ({ criticalOptions: flag('__proto__') })),
    signed('critical options out of order', 'wire/option-order', () => ({ criticalOptions: concat(option('source-address', '::1'), option('force-command', 'ls')) })),
    signed('a critical option twice', 'wire/option-order', () => ({ criticalOptions: concat(option('force-command', 'ls'), option('force-command', 'id')) })),
    signed('force-command without a value', 'wire/bad-option', () => ({ criticalOptions: flag('force-command') })),
    signed('force-command with an empty value', 'wire/bad-option', () => ({ criticalOptions: option('force-command', '') })),
    signed('force-command with its text bare', 'wire/bad-option', () => ({ criticalOptions: concat(str('force-command'), str('/bin/true')) })),
    signed('a byte after the text of force-command', 'wire/bad-option', () => ({ criticalOptions: concat(str('force-command'), str(concat(str('ls'), Uint8Array.of(0)))) })),
    signed('a second text in source-address', 'wire/bad-option', () => ({ criticalOptions: concat(str('source-address'), str(concat(str('::1'), str('0.0.0.0/0')))) })),
    signed('verify-required with a value', 'wire/bad-option', () => ({ criticalOptions: option('verify-required', 'no') })),
    signed('a critical option without its data', 'wire/truncated', () => ({ criticalOptions: str('verify-required') })),
    signed('an option name that is not UTF-8', 'wire/bad-text', () => ({ criticalOptions: concat(str(Uint8Array.of(0xff)), str('')) })),
    signed('extensions out of order', 'wire/option-order', () => ({ extensions: concat(flag('permit-user-rc'), flag('permit-pty')) })),
    signed('upper case after lower case', 'wire/option-order', () => ({ extensions: concat(flag('permit-agent-forwarding'), flag('permit-X11-forwarding')) })),
    signed('an extension twice', 'wire/option-order', () => ({ extensions: concat(flag('permit-pty'), flag('permit-pty')) })),
    signed('permit-pty with a value', 'wire/bad-option', () => ({ extensions: option('permit-pty', 'yes') })),
    signed('something in the reserved field', 'wire/reserved', () => ({ reserved: Uint8Array.of(0) })),

    signed('row 10: a certificate as the signing key', 'wire/certificate-as-key', () => ({ signatureKey: ed25519 })),
    signed('no signing key', 'wire/truncated', () => ({ signatureKey: new Uint8Array(0) })),
    signed('a byte after the signing key', 'wire/trailing-bytes', (p) => ({ signatureKey: concat(p.signatureKey, Uint8Array.of(0)) })),
    signed('a signing key with a line break in its type', 'wire/bad-key', () => ({ signatureKey: concat(str('x\nssh-ed25519'), str('key')) })),

    unsigned('no signature', 'wire/truncated', () => ({ signature: new Uint8Array(0) })),
    unsigned('an Ed25519 signature of 63 bytes', 'wire/bad-signature-length', cutSignature(-1)),
    unsigned('an Ed25519 signature of 65 bytes', 'wire/bad-signature-length', cutSignature(1)),
    unsigned('an Ed25519 signature of no bytes', 'wire/bad-signature-length', () => ({ signature: concat(str('ssh-ed25519'), str('')) })),
    unsigned('a byte after the signature', 'wire/trailing-bytes', (p) => ({ signature: concat(p.signature, Uint8Array.of(0)) })),
    unsigned('the signature algorithm of another key', 'wire/signature-algorithm', renameSignature('ecdsa-sha2-nistp256')),
    unsigned('no signature algorithm', 'wire/signature-algorithm', renameSignature('')),
    unsigned('RSA with SHA-1', 'wire/signature-algorithm', renameSignature('ssh-rsa'), material.signedBy.rsa),
    unsigned('RSA with the algorithm of a certificate', 'wire/signature-algorithm', renameSignature('rsa-sha2-512-cert-v01@openssh.com'), material.signedBy.rsa),
    unsigned('an RSA signature that is one byte short', 'wire/bad-signature-length', cutSignature(-1), material.signedBy.rsa),
    unsigned('an RSA signature that is one byte long', 'wire/bad-signature-length', cutSignature(1), material.signedBy.rsa),
    unsigned('the ECDSA signature of another curve', 'wire/signature-algorithm', renameSignature('ecdsa-sha2-nistp384'), material.signedBy.ecdsa),
    unsigned('an ECDSA signature with a needless zero', 'wire/non-canonical-integer', ecdsaNumbers(Uint8Array.of(0, 1), Uint8Array.of(1)), material.signedBy.ecdsa),
    unsigned('a negative number in an ECDSA signature', 'wire/non-canonical-integer', ecdsaNumbers(Uint8Array.of(0x80), Uint8Array.of(1)), material.signedBy.ecdsa),
    unsigned('zero in an ECDSA signature', 'wire/bad-signature-length', ecdsaNumbers(Uint8Array.of(1), new Uint8Array(0)), material.signedBy.ecdsa),
    unsigned('a number of 33 bytes in an ECDSA signature', 'wire/bad-signature-length', ecdsaNumbers(new Uint8Array(33).fill(1), Uint8Array.of(1)), material.signedBy.ecdsa),
    unsigned('half an ECDSA signature', 'wire/truncated', () => ({ signature: concat(str('ecdsa-sha2-nistp256'), str(str(Uint8Array.of(1)))) }), material.signedBy.ecdsa),
    unsigned('a third number in an ECDSA signature', 'wire/trailing-bytes', ecdsaNumbers(Uint8Array.of(1), Uint8Array.of(1), Uint8Array.of(1)), material.signedBy.ecdsa),
  ];
}

/** Certificates that are well formed and must not convince. They are for `deploy`, by the authority. */
export function checkingMistakes(material: Material): Mistake[] {
  const { ed25519 } = material.certificates;
  const forged = (name: string, code: string, change: Change, from = ed25519): Mistake => {
    const parts = takeApart(from);
    return { name, code, blob: putTogether({ ...parts, ...change(parts) }) };
  };
  const bySelf = (name: string, code: string, signatureKey: (own: Uint8Array, named: Uint8Array) => Uint8Array): Mistake => {
    const parts = takeApart(ed25519);
    const own = generateKeyPairSync('ed25519').privateKey;
    const changed = { ...parts, key: [pointOf(own)], signatureKey: signatureKey(concat(str('ssh-ed25519'), str(pointOf(own))), parts.signatureKey) };
    const signature = concat(str('ssh-ed25519'), str(sign(null, signedBytes(changed), own)));
    return { name, code, blob: putTogether({ ...changed, signature }) };
  };
  return [
    bySelf('row 11: a self-signed certificate', 'wire/unknown-authority', (own) => own),
    bySelf('row 11: signed by itself, naming the real authority', 'wire/bad-signature', (_own, named) => named),
    forged('row 11: tampered principals with the right fingerprint', 'wire/bad-signature', () => ({ principals: concat(str('deploy'), str('root')) })),
    forged('row 11: a longer life with the right fingerprint', 'wire/bad-signature', () => ({ validBefore: new Uint8Array(8).fill(0xff) })),
    forged('a user certificate turned into one for a host', 'wire/bad-signature', () => ({ kind: 2 })),
    forged('a removed critical option', 'wire/bad-signature', () => ({ criticalOptions: new Uint8Array(0) })),
    forged('another serial', 'wire/bad-signature', (p) => ({ serial: flipBit(p.serial, 7) })),
    forged('another nonce', 'wire/bad-signature', (p) => ({ nonce: flipBit(p.nonce, 0) })),
    forged('a flipped bit in an Ed25519 signature', 'wire/bad-signature', flipInSignature),
    forged('a flipped bit in an RSA signature', 'wire/bad-signature', flipInSignature, material.signedBy.rsa),
    forged('rsa-sha2-512 called rsa-sha2-256', 'wire/bad-signature', renameSignature('rsa-sha2-256'), material.signedBy.rsa),
    forged('a flipped bit in an ECDSA signature', 'wire/bad-signature', flipInSignature, material.signedBy.ecdsa),
  ];
}

function flag(name: string): Uint8Array {
  return concat(str(name), str(''));
}

function option(name: string, value: string): Uint8Array {
  return concat(str(name), str(str(value)));
}

function compressed(point: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(2 + ((point[64] ?? 0) & 1)), point.slice(1, 33));
}

function flipInSignature({ signature }: Parts): Partial<Parts> {
  return { signature: flipBit(signature, signature.length - 3) };
}

function renameSignature(algorithm: string): Change {
  return ({ signature }) => ({ signature: concat(str(algorithm), str(rawSignature(signature))) });
}

function cutSignature(by: -1 | 1): Change {
  return ({ signature }) => {
    const raw = rawSignature(signature);
    return { signature: concat(algorithmString(signature), str(by === 1 ? concat(raw, Uint8Array.of(0)) : raw.slice(0, -1))) };
  };
}

function ecdsaNumbers(...numbers: readonly Uint8Array[]): Change {
  return ({ signature }) => ({ signature: concat(algorithmString(signature), str(concat(...numbers.map(str)))) });
}

function algorithmString(signature: Uint8Array): Uint8Array {
  return signature.slice(0, 4 + Buffer.from(signature).readUInt32BE());
}

function rawSignature(signature: Uint8Array): Uint8Array {
  return signature.slice(algorithmString(signature).length + 4);
}

function pointOf(privateKey: KeyObject): Uint8Array {
  return Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '', 'base64url');
}

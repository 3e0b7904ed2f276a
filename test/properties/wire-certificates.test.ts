import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { checkCertificate } from '../../src/wire/check-certificate.ts';
import { decodeCertificate, encodeCertificate, encodeToBeSigned, type CertificateFields } from '../../src/wire/certificate.ts';
import { decodePublicKey, encodePublicKey, formatPublicKeyLine, parsePublicKeyLine, type PublicKey } from '../../src/wire/public-key.ts';
import { signData, verifySignature } from '../../src/wire/signature.ts';
import { codeOf } from '../vectors/code-of.ts';

const SIGNERS = [signer('ed25519'), signer('P-256'), signer('P-384'), signer('P-521'), signer('rsa')];
const SUBJECTS: PublicKey[] = [
  ...SIGNERS.map((s) => s.key),
  { kind: 'sk-ed25519', type: 'sk-ssh-ed25519@openssh.com', point: new Uint8Array(32).fill(7), application: 'ssh:' },
];

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((t) => !t.includes('\0'));
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const extensionName = fc.oneof(text, fc.string({ unit: 'binary', maxLength: 4 }).filter((t) => !t.includes('\0')), fc.constant('__proto__'));
const extension = fc.oneof(
  fc.record({ name: fc.constantFrom('permit-pty', 'permit-user-rc', 'no-touch-required'), value: fc.constant('') }),
  fc.record({ name: extensionName.map((n) => `x${n}`), value: text }),
);
const critical = fc.oneof(
  fc.record({ name: fc.constantFrom('force-command', 'source-address'), value: text.filter((t) => t !== '') }),
  fc.constant({ name: 'verify-required', value: '' }),
);
const fields = fc.record({
  type: fc.constantFrom('user' as const, 'host' as const),
  nonce: fc.uint8Array({ maxLength: 64 }),
  subject: fc.constantFrom(...SUBJECTS),
  serial: uint64,
  keyId: text,
  principals: fc.array(text.filter((t) => t !== ''), { maxLength: 8 }),
  validAfter: uint64,
  validBefore: uint64,
  criticalOptions: fc.uniqueArray(critical, { selector: (o) => o.name }),
  extensions: fc.uniqueArray(extension, { selector: (o) => o.name }),
  signer: fc.constantFrom(...SIGNERS),
});

describe('certificates', () => {
  it('encode, decode and encode again: the same fields, the same bytes, a signature that holds', () => {
    fc.assert(
      fc.property(fields, ({ signer: by, ...rest }) => {
        const wanted: CertificateFields = { ...rest, signatureKey: by.key };
        const blob = encodeCertificate(wanted, signData(by.key, by.privateKey, encodeToBeSigned(wanted)));
        const { signature, ...read } = decodeCertificate(blob);
        const sorted = (options: CertificateFields['extensions']) => options.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
        expect(read).toEqual({ ...wanted, criticalOptions: sorted(wanted.criticalOptions), extensions: sorted(wanted.extensions) });
        expect(encodeCertificate(read, signature)).toEqual(blob);
        expect(verifySignature(by.key, encodeToBeSigned(read), signature)).toBe(true);
      }),
    );
  });

  it('row 3: cut anywhere, a certificate is an error with a code', () => {
    for (const by of SIGNERS) {
      const blob = sample(by, by.key);
      for (let length = 0; length < blob.length; length += 1) {
        expect(codeOf(() => decodeCertificate(blob.subarray(0, length)))).toMatch(/^wire\//);
      }
    }
  });

  it('row 3: changed anywhere, a certificate is refused, or reads as exactly the bytes it came in and convinces nobody', () => {
    const samples = SIGNERS.flatMap((by) => SUBJECTS.map((subject) => ({ blob: sample(by, subject), authority: by.key })));
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }), ({ blob, authority }, changes) => {
        const mutated = Uint8Array.from(blob);
        for (const [at, xor] of changes) mutated[at % blob.length] = (mutated[at % blob.length] ?? 0) ^ xor;
        fc.pre(Buffer.compare(mutated, blob) !== 0);
        try {
          const certificate = decodeCertificate(mutated);
          expect(encodeCertificate(certificate, certificate.signature)).toEqual(mutated);
          checkCertificate(certificate, { type: 'user', authorities: [authority], nowSeconds: 1500 });
        } catch (error) {
          if (error instanceof AppError && error.code.startsWith('wire/')) return;
          throw error;
        }
        throw new Error('a changed certificate convinced');
      }),
      { numRuns: 3000 },
    );
  });

  it('row 3: random bytes after a type name are an error with a code', () => {
    const types = SUBJECTS.map((key) => `${key.type.replace('@openssh.com', '')}-cert-v01@openssh.com`);
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 300 }), (type, rest) => {
        const blob = Buffer.concat([Buffer.of(0, 0, 0, type.length), Buffer.from(type), rest]);
        expect(codeOf(() => decodeCertificate(blob))).toMatch(/^wire\//);
      }),
    );
  });
});

describe('signatures', () => {
  it('with any bit flipped, in the signature or in the data, they are refused', () => {
    const data = Uint8Array.from({ length: 100 }, (_, i) => i);
    for (const { key, privateKey } of SIGNERS) {
      const signature = signData(key, privateKey, data);
      expect(verifySignature(key, data, signature)).toBe(true);
      fc.assert(
        fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 0, max: 7 }), (inSignature, at, bit) => {
          const [changed, other] = inSignature ? [flip(signature, at, bit), data] : [signature, flip(data, at, bit)];
          expect(verifySignature(key, other, changed)).toBe(false);
        }),
      );
    }
  });

  it('any bytes as a signature are false for any key, never a crash', () => {
    const unknown: PublicKey = { kind: 'unknown', type: 'ssh-dss', blob: new Uint8Array(20) };
    fc.assert(
      fc.property(fc.constantFrom(...SUBJECTS, unknown), fc.uint8Array({ maxLength: 200 }), (key, signature) => {
        expect(verifySignature(key, new Uint8Array(5), signature)).toBe(false);
      }),
    );
  });
});

describe('public keys', () => {
  it('any bytes are a key that encodes back to them, or an error with a code', () => {
    const blobs = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.tuple(fc.constantFrom(...SUBJECTS), fc.nat(), fc.integer({ min: 0, max: 7 })).map(([key, at, bit]) => flip(encodePublicKey(key), at, bit)),
    );
    fc.assert(
      fc.property(blobs, (blob) => {
        try {
          const key = decodePublicKey(blob);
          expect(encodePublicKey(key)).toEqual(blob);
          expect(parsePublicKeyLine(formatPublicKeyLine(key)).key).toEqual(key);
        } catch (error) {
          if (!(error instanceof AppError && error.code.startsWith('wire/'))) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('row 8: a line is one line and reads back, or the comment is refused', () => {
    const comment = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('a', ' ', '\n', '\r', '\t', '\0', '\u2028', '"', ',', '#') }));
    fc.assert(
      fc.property(fc.constantFrom(...SUBJECTS), comment, (key, given) => {
        const code = codeOf(() => formatPublicKeyLine(key, given));
        if (code !== undefined) {
          expect(code).toBe('wire/bad-text');
          return;
        }
        const line = formatPublicKeyLine(key, given);
        expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        expect(parsePublicKeyLine(line)).toEqual({ key, comment: given.trim() });
      }),
    );
  });
});

function sample(by: (typeof SIGNERS)[number], subject: PublicKey): Uint8Array {
  const wanted: CertificateFields = {
    type: 'user',
    nonce: new Uint8Array(32).fill(9),
    subject,
    serial: 5n,
    keyId: 'anna',
    principals: ['deploy', 'web'],
    validAfter: 1000n,
    validBefore: 2000n,
    criticalOptions: [{ name: 'force-command', value: 'ls' }],
    extensions: [
      { name: 'login@example.com', value: 'anna' },
      { name: 'permit-pty', value: '' },
    ],
    signatureKey: by.key,
  };
  return encodeCertificate(wanted, signData(by.key, by.privateKey, encodeToBeSigned(wanted)));
}

function signer(name: 'ed25519' | 'rsa' | 'P-256' | 'P-384' | 'P-521'): { key: PublicKey; privateKey: KeyObject } {
  const { publicKey, privateKey } =
    name === 'ed25519' ? generateKeyPairSync('ed25519') : name === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: name });
  const jwk = publicKey.export({ format: 'jwk' });
  const part = (member: 'x' | 'y' | 'n' | 'e') => new Uint8Array(Buffer.from(jwk[member] ?? '', 'base64url'));
  if (name === 'ed25519') return { privateKey, key: { kind: 'ed25519', type: 'ssh-ed25519', point: part('x') } };
  if (name === 'rsa') return { privateKey, key: { kind: 'rsa', type: 'ssh-rsa', e: part('e'), n: part('n') } };
  const curve = `nistp${name.slice(2) as '256' | '384' | '521'}` as const;
  return { privateKey, key: { kind: 'ecdsa', type: `ecdsa-sha2-${curve}`, curve, point: new Uint8Array([4, ...part('x'), ...part('y')]) } };
}

function flip(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at % bytes.length] = (copy[at % bytes.length] ?? 0) ^ (1 << bit);
  return copy;
}

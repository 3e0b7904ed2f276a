import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeCertificate, encodeToBeSigned, parseCertificateLine, type CertificateFields } from '../../../src/wire/certificate.ts';
import { checkCertificate } from '../../../src/wire/check-certificate.ts';
import type { PublicKey } from '../../../src/wire/public-key.ts';
import { signData, verifySignature } from '../../../src/wire/signature.ts';
import { concat, putTogether, str, takeApart } from '../../vectors/bytes.ts';
import { codeOf } from '../../vectors/code-of.ts';
import { makeKey } from '../../support/local-sshd.ts';
import { ecKey, ed25519Key, rsaKey, type KeyPair } from './keys.ts';

const NOW = 1_800_000_000;
const folder = mkdtempSync(join(tmpdir(), 'ensign-attacks-'));
afterAll(() => rmSync(folder, { recursive: true }));

const P256 = ecKey('P-256');
const P384 = ecKey('P-384');
const ED = ed25519Key();
const RSA = rsaKey();

describe('row 9: exactly one signature, by the algorithm of the authority', () => {
  it.each<[what: string, by: KeyPair, signature: (data: Uint8Array, genuine: Uint8Array) => Uint8Array, code: string]>([
    ['two signatures, both good', ED, (_data, genuine) => concat(genuine, genuine), 'wire/trailing-bytes'],
    ['a forged signature before a good one', ED, (_data, genuine) => concat(str('ssh-ed25519'), str(new Uint8Array(64)), genuine), 'wire/trailing-bytes'],
    ['a list of two in the place of one', ED, (_data, genuine) => concat(str(genuine), str(genuine)), 'wire/bad-text|wire/signature-algorithm'],
    ['no algorithm', ED, (data) => concat(str(''), str(sign(null, data, ED.privateKey))), 'wire/signature-algorithm'],
    ['the algorithm "none"', ED, () => concat(str('none'), str('')), 'wire/signature-algorithm'],
    ['the algorithm of a certificate', ED, (data) => concat(str('ssh-ed25519-cert-v01@openssh.com'), str(sign(null, data, ED.privateKey))), 'wire/signature-algorithm'],
    ['the good signature of another kind of key', ED, (data) => signData(P256.key, P256.privateKey, data), 'wire/signature-algorithm'],
    ['SHA-1, by its name', RSA, (data) => concat(str('ssh-rsa'), str(sign('sha1', data, RSA.privateKey))), 'wire/signature-algorithm'],
    ['SHA-1, under the name of SHA-512', RSA, (data) => concat(str('rsa-sha2-512'), str(sign('sha1', data, RSA.privateKey))), 'wire/bad-signature'],
    ['SHA-256, under the name of SHA-512', RSA, (data) => concat(str('rsa-sha2-512'), str(sign('sha256', data, RSA.privateKey))), 'wire/bad-signature'],
    ['another curve, under the name of this one', P256, (data) => concat(str('ecdsa-sha2-nistp256'), signData(P384.key, P384.privateKey, data).subarray(4 + 19)), 'wire/bad-signature-length'],
    ['this curve, under the name of another one', P256, (data) => concat(str('ecdsa-sha2-nistp384'), signData(P256.key, P256.privateKey, data).subarray(4 + 19)), 'wire/signature-algorithm'],
    ['this curve with the hash of another one', P384, (data) => ecdsa(P384, 'sha256', data), 'wire/bad-signature'],
  ])('%s', (_what, by, signature, code) => {
    const fields = fieldsBy(by.key);
    const data = encodeToBeSigned(fields);
    const genuine = signData(by.key, by.privateKey, data);
    // the same certificate with the genuine signature convinces: nothing but the signature is refused below
    checkCertificate(decodeCertificate(withSignature(data, genuine)), expectation(by.key));
    const forged = signature(data, genuine);
    expect(verifySignature(by.key, data, forged)).toBe(false);
    expect(codeOf(() => checkCertificate(decodeCertificate(withSignature(data, forged)), expectation(by.key)))).toMatch(new RegExp(`^(?:${code})$`));
  });

  it('a certificate that ssh-keygen itself signed with SHA-1 is refused', () => {
    makeKey(join(folder, 'ca'), 'rsa');
    makeKey(join(folder, 'subject'), 'ed25519');
    const issue = (algorithm: string): string => {
      execFileSync('ssh-keygen', ['-q', '-s', 'ca', '-t', algorithm, '-I', 'x', '-n', 'deploy', 'subject.pub'], { cwd: folder, timeout: 20_000 });
      return readFileSync(join(folder, 'subject-cert.pub'), 'utf8');
    };
    expect(codeOf(() => parseCertificateLine(issue('rsa-sha2-256')))).toBeUndefined();
    expect(codeOf(() => parseCertificateLine(issue('ssh-rsa')))).toBe('wire/signature-algorithm');
  });

  it('a good certificate of one authority does not become one of another by naming it', () => {
    const data = encodeToBeSigned(fieldsBy(ED.key));
    const parts = takeApart(withSignature(data, signData(ED.key, ED.privateKey, data)));
    const other = ed25519Key();
    const renamed = putTogether({ ...parts, signatureKey: takeApart(withSignature(encodeToBeSigned(fieldsBy(other.key)), parts.signature)).signatureKey });
    expect(codeOf(() => checkCertificate(decodeCertificate(renamed), expectation(other.key)))).toBe('wire/bad-signature');
  });
});

function expectation(authority: PublicKey): Parameters<typeof checkCertificate>[1] {
  return { type: 'user', authorities: [authority], principal: 'deploy', nowSeconds: NOW };
}

function withSignature(data: Uint8Array, signature: Uint8Array): Uint8Array {
  return concat(data, str(signature));
}

function ecdsa(by: KeyPair, hash: string, data: Uint8Array): Uint8Array {
  const raw = new Uint8Array(sign(hash, data, { key: by.privateKey, dsaEncoding: 'ieee-p1363' }));
  const half = raw.length / 2;
  const mpint = (bytes: Uint8Array): Uint8Array => {
    const minimal = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
    return str((minimal[0] ?? 0) >= 0x80 ? concat(Uint8Array.of(0), minimal) : minimal);
  };
  return concat(str(by.key.type), str(concat(mpint(raw.subarray(0, half)), mpint(raw.subarray(half)))));
}

function fieldsBy(signatureKey: PublicKey): CertificateFields {
  const { publicKey } = generateKeyPairSync('ed25519');
  const point = new Uint8Array(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
  return {
    type: 'user', nonce: new Uint8Array(32), subject: { kind: 'ed25519', type: 'ssh-ed25519', point }, serial: 1n, keyId: 'attack', principals: ['deploy'],
    validAfter: BigInt(NOW - 60), validBefore: BigInt(NOW + 60), criticalOptions: [], extensions: [], signatureKey,
  };
}

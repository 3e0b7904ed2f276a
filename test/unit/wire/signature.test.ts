import { createPrivateKey, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { PublicKey } from '../../../src/wire/public-key.ts';
import { decodeSignature, encodeSignature, signData, verifierOf, verifySignature } from '../../../src/wire/signature.ts';
import { WireReader } from '../../../src/wire/reader.ts';
import { WireWriter } from '../../../src/wire/writer.ts';
import { codeOf } from '../../vectors/code-of.ts';
import { ecKey, ed25519Key, rsaKey } from './keys.ts';

const data = Buffer.from('the quick brown fox');

describe('signatures', () => {
  it.each([
    ['rsa-sha2-256', 'sha256'],
    ['rsa-sha2-512', 'sha512'],
  ] as const)('%s is RSA with %s, and no other hash passes under its name', (algorithm, hash) => {
    const { key, privateKey } = rsaKey();
    const other = hash === 'sha256' ? 'sha512' : 'sha256';
    expect(verifySignature(key, data, encodeSignature(key, sign(hash, data, privateKey), algorithm))).toBe(true);
    expect(verifySignature(key, data, encodeSignature(key, sign(other, data, privateKey), algorithm))).toBe(false);
  });

  it('RSA with SHA-1 is refused even where the signature holds', () => {
    const { key, privateKey } = rsaKey();
    const signature = new WireWriter().string('ssh-rsa').string(sign('sha1', data, privateKey)).finish();
    expect(codeOf(() => decodeSignature(key, signature))).toBe('wire/signature-algorithm');
    expect(verifySignature(key, data, signature)).toBe(false);
  });

  it('RSA signs with SHA-512 where nothing is said, as ssh-keygen does', () => {
    const { key, privateKey } = rsaKey();
    expect(new WireReader(signData(key, privateKey, data)).utf8()).toBe('rsa-sha2-512');
  });

  it.each(['P-256', 'P-384', 'P-521'] as const)('%s: a number with leading zeros, or with its high bit set, still fits', (curve) => {
    const { key, privateKey } = ecKey(curve);
    // among 200 signatures both occur, but for a chance of one in a million
    const lengths = new Set<number>();
    for (let i = 0; i < 200; i += 1) {
      const signature = signData(key, privateKey, data);
      lengths.add(signature.length);
      expect(verifySignature(key, data, signature)).toBe(true);
    }
    expect(lengths.size).toBeGreaterThan(1);
  });

  it('a key of another kind, curve or owner does not verify', () => {
    const signers = [ed25519Key(), ed25519Key(), ecKey('P-256'), ecKey('P-256'), ecKey('P-384'), rsaKey()];
    for (const signer of signers) {
      const signature = signData(signer.key, signer.privateKey, data);
      for (const { key } of signers) expect(verifySignature(key, data, signature)).toBe(key === signer.key);
    }
  });

  it('beside the main thread the answers are the same, and the key is the one that was given', async () => {
    const signers = [ed25519Key(), ecKey('P-384'), rsaKey()];
    for (const signer of signers) {
      const signature = signData(signer.key, signer.privateKey, data);
      for (const { key } of signers) expect(await verifierOf(key)(data, signature)).toBe(key === signer.key);
      const verify = verifierOf(signer.key);
      expect(await verify(Buffer.from('another text'), signature)).toBe(false);
      for (const broken of [new Uint8Array(0), signature.subarray(1), signature.map((byte, i) => (i === signature.length - 1 ? byte ^ 1 : byte))]) expect(await verify(data, broken)).toBe(false);
    }
    const own = ed25519Key();
    const verify = verifierOf(own.key);
    const signature = signData(own.key, own.privateKey, data);
    if (own.key.kind === 'ed25519') own.key.point.fill(1);
    expect(await verify(data, signature)).toBe(true);
    const token: PublicKey = { kind: 'sk-ed25519', type: 'sk-ssh-ed25519@openssh.com', point: new Uint8Array(32), application: 'ssh:' };
    expect(await verifierOf(token)(data, signature)).toBe(false);
  });

  it('a security key or an unknown key verifies nothing and signs nothing', () => {
    const { privateKey } = ed25519Key();
    const keys: PublicKey[] = [
      { kind: 'sk-ed25519', type: 'sk-ssh-ed25519@openssh.com', point: new Uint8Array(32), application: 'ssh:' },
      { kind: 'unknown', type: 'ssh-dss', blob: new WireWriter().string('ssh-dss').finish() },
    ];
    for (const key of keys) {
      const signature = new WireWriter().string(key.type).string(new Uint8Array(64)).byte(1).uint32(7).finish();
      expect(verifySignature(key, data, signature)).toBe(false);
      expect(codeOf(() => signData(key, privateKey, data))).toBe('wire/signature-algorithm');
    }
  });

  it('a point that is no key is false, not a crash', () => {
    const key: PublicKey = { kind: 'ecdsa', type: 'ecdsa-sha2-nistp256', curve: 'nistp256', point: new Uint8Array(65).fill(4) };
    expect(verifySignature(key, data, encodeSignature(key, new Uint8Array(64).fill(1)))).toBe(false);
    expect(verifySignature({ ...key, point: new Uint8Array(0) }, data, encodeSignature(key, new Uint8Array(64).fill(1)))).toBe(false);
    expect(verifySignature({ kind: 'ed25519', type: 'ssh-ed25519', point: new Uint8Array(3) }, data, encodeSignature(ed25519Key().key, new Uint8Array(64)))).toBe(false);
  });

  it('encodeSignature refuses the output of another key or algorithm', () => {
    expect(codeOf(() => encodeSignature(ed25519Key().key, new Uint8Array(63)))).toBe('wire/bad-signature-length');
    expect(codeOf(() => encodeSignature(ecKey('P-256').key, new Uint8Array(70)))).toBe('wire/bad-signature-length');
    expect(codeOf(() => encodeSignature(rsaKey().key, new Uint8Array(255)))).toBe('wire/bad-signature-length');
    expect(codeOf(() => encodeSignature(rsaKey().key, new Uint8Array(256), 'ssh-ed25519'))).toBe('wire/signature-algorithm');
  });

  it('verifies the first test of RFC 8032', () => {
    const x = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
    const raw =
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b';
    const key: PublicKey = { kind: 'ed25519', type: 'ssh-ed25519', point: Buffer.from(x, 'hex') };
    expect(verifySignature(key, new Uint8Array(0), encodeSignature(key, Buffer.from(raw, 'hex')))).toBe(true);
  });

  it('signs with a key as it comes from a file', () => {
    const { key, privateKey } = ed25519Key();
    const again = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(signData(key, again, data)).toEqual(signData(key, privateKey, data));
  });
});

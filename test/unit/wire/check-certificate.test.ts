import { describe, expect, it } from 'vitest';
import { checkCertificate, type CertificateExpectation } from '../../../src/wire/check-certificate.ts';
import { encodeToBeSigned, type Certificate, type CertificateFields } from '../../../src/wire/certificate.ts';
import type { PublicKey } from '../../../src/wire/public-key.ts';
import { signData } from '../../../src/wire/signature.ts';
import { WireWriter } from '../../../src/wire/writer.ts';
import { codeOf } from '../../vectors/code-of.ts';
import { ecKey, ed25519Key, type KeyPair } from './keys.ts';

const authority = ed25519Key();
const subject = ed25519Key();

describe('whose signature', () => {
  it('accepts a listed authority, wherever it stands in the list', () => {
    expect(judge(host({}), { authorities: [ecKey('P-256').key, authority.key] })).toBeUndefined();
  });

  it('row 11: a self-signed certificate is refused', () => {
    expect(judge(host({}, subject))).toBe('wire/unknown-authority');
  });

  it('row 11: a certificate that names the real authority and is signed by its own key is refused', () => {
    expect(judge(host({ signatureKey: authority.key }, subject))).toBe('wire/bad-signature');
  });

  it('row 11: tampered principals with the right fingerprint are refused', () => {
    const genuine = host({ principals: ['web-1'] });
    expect(judge({ ...genuine, principals: ['db-1'] }, { principal: 'db-1' })).toBe('wire/bad-signature');
    expect(judge({ ...genuine, principals: ['web-1', 'db-1'] }, { principal: 'db-1' })).toBe('wire/bad-signature');
  });

  it.each<[string, Partial<Certificate>]>([
    ['purpose', { type: 'user' }],
    ['key', { subject: ed25519Key().key }],
    ['serial', { serial: 2n }],
    ['key id', { keyId: 'web-2' }],
    ['start', { validAfter: 0n }],
    ['end', { validBefore: 2n ** 64n - 1n }],
    ['nonce', { nonce: new Uint8Array(32).fill(1) }],
    ['extensions', { extensions: [{ name: 'permit-pty', value: '' }] }],
    ['critical options', { criticalOptions: [{ name: 'force-command', value: 'ls' }] }],
  ])('row 11: another %s under the same signature is refused', (_what, change) => {
    expect(judge({ ...host({}), ...change }, { type: change.type ?? 'host' })).toBe('wire/bad-signature');
  });

  it('no authorities means nothing is accepted', () => {
    expect(judge(host({}), { authorities: [] })).toBe('wire/unknown-authority');
  });

  it('a security key as the authority is not accepted, listed or not', () => {
    const signatureKey: PublicKey = { kind: 'sk-ed25519', type: 'sk-ssh-ed25519@openssh.com', point: new Uint8Array(32), application: 'ssh:' };
    const signature = new WireWriter().string(signatureKey.type).string(new Uint8Array(64)).byte(1).uint32(3).finish();
    expect(judge({ ...host({}), signatureKey, signature }, { authorities: [signatureKey] })).toBe('wire/bad-signature');
  });
});

describe('what for', () => {
  it('a user certificate does not prove a host, nor the other way round', () => {
    expect(judge(host({ type: 'user' }))).toBe('wire/wrong-type');
    expect(judge(host({}), { type: 'user' })).toBe('wire/wrong-type');
  });

  it('a host certificate with a critical option is refused, as ssh does', () => {
    expect(judge(host({ criticalOptions: [{ name: 'source-address', value: '::1' }] }))).toBe('wire/unknown-critical-option');
  });
});

describe('when', () => {
  it.each([
    [999, 'wire/not-yet-valid'],
    [999.9, 'wire/not-yet-valid'],
    [1000, undefined],
    [1999, undefined],
    [1999.9, undefined],
    [2000, 'wire/expired'],
    [1_500_000, 'wire/expired'], // milliseconds by mistake
    [Number.NaN, 'wire/not-yet-valid'],
  ])('valid from 1000 to 2000, at %d: %s', (nowSeconds, code) => {
    expect(judge(host({ validAfter: 1000n, validBefore: 2000n }), { nowSeconds })).toBe(code);
  });

  it('for ever is for ever, and an empty window is never', () => {
    expect(judge(host({ validAfter: 0n, validBefore: 2n ** 64n - 1n }), { nowSeconds: Number.MAX_SAFE_INTEGER })).toBeUndefined();
    expect(judge(host({ validAfter: 1500n, validBefore: 1500n }))).toBe('wire/expired');
    expect(judge(host({ validAfter: 2n ** 64n - 1n, validBefore: 2n ** 64n - 1n }))).toBe('wire/not-yet-valid');
  });
});

describe('for whom', () => {
  it('row 7: without principals a certificate is for nobody, also where no name is asked for', () => {
    expect(judge(host({ principals: [] }))).toBe('wire/no-principals');
    expect(judge(host({ principals: [] }), { principal: 'web-1' })).toBe('wire/no-principals');
    expect(judge(host({ principals: [], type: 'user' }), { type: 'user', principal: 'root' })).toBe('wire/no-principals');
  });

  it('row 7: an empty name matches nothing', () => {
    expect(judge(host({}), { principal: '' })).toBe('wire/wrong-principal');
  });

  it('row 14: host:port is not the host, neither asked for nor as the principal', () => {
    expect(judge(host({ principals: ['web-1'] }), { principal: 'web-1:22' })).toBe('wire/wrong-principal');
    expect(judge(host({ principals: ['web-1:22', '[web-1]:22'] }), { principal: 'web-1' })).toBe('wire/wrong-principal');
  });

  it.each([
    ['*', 'web-1'],
    ['*.example.com', 'a.example.com'],
    ['web-?', 'web-1'],
    ['web-1', 'web-10'],
    ['example.com', 'evilexample.com'],
    ['web-1', 'web-1.'],
    ['WEB-1', 'web-1'],
  ])('the principal %j is a literal name, and not for %j', (principal, asked) => {
    expect(judge(host({ principals: [principal] }), { principal: asked })).toBe('wire/wrong-principal');
  });

  it('a host name is asked for in any case, as ssh turns it to lower case; a login is not', () => {
    expect(judge(host({}), { principal: 'Web-1' })).toBeUndefined();
    expect(judge(host({ type: 'user', principals: ['root'] }), { type: 'user', principal: 'Root' })).toBe('wire/wrong-principal');
    expect(judge(host({ type: 'user', principals: ['Root'] }), { type: 'user', principal: 'Root' })).toBeUndefined();
  });

  it('any of several principals will do', () => {
    expect(judge(host({ principals: ['a', '10.0.0.9', 'web-1'] }), { principal: '10.0.0.9' })).toBeUndefined();
  });
});

function judge(certificate: Certificate, expected: Partial<CertificateExpectation> = {}): string | undefined {
  return codeOf(() => checkCertificate(certificate, { type: 'host', authorities: [authority.key], nowSeconds: 1500, ...expected }));
}

/** A host certificate for web-1, valid from 1000 to 2000, signed by `by`. */
function host(change: Partial<CertificateFields>, by: KeyPair = authority): Certificate {
  const fields: CertificateFields = {
    type: 'host',
    nonce: new Uint8Array(32),
    subject: subject.key,
    serial: 1n,
    keyId: 'web-1',
    principals: ['web-1'],
    validAfter: 1000n,
    validBefore: 2000n,
    criticalOptions: [],
    extensions: [],
    signatureKey: by.key,
    ...change,
  };
  return { ...fields, signature: signData(by.key, by.privateKey, encodeToBeSigned(fields)) };
}

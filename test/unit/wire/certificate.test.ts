import { describe, expect, it } from 'vitest';
import {
  certificateTypeOf,
  decodeCertificate,
  encodeCertificate,
  encodeToBeSigned,
  formatCertificateLine,
  parseCertificateLine,
  type CertificateFields,
} from '../../../src/wire/certificate.ts';
import { signData } from '../../../src/wire/signature.ts';
import { WireWriter } from '../../../src/wire/writer.ts';
import { codeOf } from '../../vectors/code-of.ts';
import { ed25519Key } from './keys.ts';

const authority = ed25519Key();
const FIELDS: CertificateFields = {
  type: 'user',
  nonce: new Uint8Array(32),
  subject: ed25519Key().key,
  serial: 1n,
  keyId: 'anna',
  principals: ['staging/sre'],
  validAfter: 1n,
  validBefore: 2n,
  criticalOptions: [],
  extensions: [],
  signatureKey: authority.key,
};

describe('encoding', () => {
  it('puts options in the order of their bytes, whatever the order given', () => {
    const names = ['permit-pty', '\u{1f6a9}@x', 'permit-X11-forwarding', '\uff5e@x', 'permit-agent-forwarding'];
    const extensions = names.map((name) => ({ name, value: '' }));
    const read = decodeCertificate(signed({ ...FIELDS, extensions }));
    // U+FF5E comes before U+1F6A9 in UTF-8, and after it in the order of JavaScript strings
    expect(read.extensions.map((e) => e.name)).toEqual(['permit-X11-forwarding', 'permit-agent-forwarding', 'permit-pty', '\uff5e@x', '\u{1f6a9}@x']);
  });

  it.each<[string, string, Partial<CertificateFields>]>([
    ['an unknown critical option', 'wire/unknown-critical-option', { criticalOptions: [{ name: 'expire', value: '' }] }],
    ['a flag with a value', 'wire/bad-option', { criticalOptions: [{ name: 'verify-required', value: 'yes' }] }],
    ['force-command without a value', 'wire/bad-option', { criticalOptions: [{ name: 'force-command', value: '' }] }],
    ['a NUL in force-command', 'wire/bad-option', { criticalOptions: [{ name: 'force-command', value: 'ls\0rm' }] }],
    ['an option twice', 'wire/option-order', { extensions: [{ name: 'permit-pty', value: '' }, { name: 'permit-pty', value: '' }] }],
    ['raw data for a known extension', 'wire/bad-option', { extensions: [{ name: 'permit-pty', value: '', raw: Uint8Array.of(1) }] }],
    ['raw data beside a value', 'wire/bad-option', { extensions: [{ name: 'x@y', value: 'a', raw: Uint8Array.of(1) }] }],
    ['row 7: an empty principal', 'wire/bad-principal', { principals: ['sre', ''] }],
    ['257 principals', 'wire/bad-principal', { principals: Array.from({ length: 257 }, (_, i) => `p${i}`) }],
    ['a NUL in a principal', 'wire/bad-text', { principals: ['sre\0x'] }],
    ['a NUL in the key id', 'wire/bad-text', { keyId: 'anna\0' }],
    ['a serial of 65 bits', 'wire/out-of-range', { serial: 2n ** 64n }],
    ['a negative time', 'wire/out-of-range', { validAfter: -1n }],
    ['row 10: a certificate as the signing key', 'wire/certificate-as-key', { signatureKey: { kind: 'unknown', type: 'ssh-ed25519-cert-v01@openssh.com', blob: new Uint8Array(4) } }],
    ['a subject of unknown type', 'wire/wrong-type', { subject: { kind: 'unknown', type: 'ssh-dss', blob: new Uint8Array(4) } }],
  ])('refuses %s: %s', (_what, code, change) => {
    expect(codeOf(() => encodeToBeSigned({ ...FIELDS, ...change }))).toBe(code);
  });

  it('refuses a signature that decoding would refuse', () => {
    const short = new WireWriter().string('ssh-ed25519').string(new Uint8Array(63)).finish();
    expect(codeOf(() => encodeCertificate(FIELDS, short))).toBe('wire/bad-signature-length');
    expect(codeOf(() => encodeCertificate(FIELDS, new Uint8Array(0)))).toBe('wire/truncated');
  });
});

describe('decoding', () => {
  it.each([
    ['two texts', new WireWriter().string('a').string('b').finish()],
    ['an empty text', new WireWriter().string('').finish()],
    ['bytes that are no text', Uint8Array.of(1, 2, 3)],
    ['a text that is not UTF-8', new WireWriter().string(Uint8Array.of(0xff)).finish()],
  ])('keeps an unknown extension with %s exactly as it is', (_what, raw) => {
    const blob = signed({ ...FIELDS, extensions: [{ name: 'x@example.com', value: '', raw }] });
    const read = decodeCertificate(blob);
    expect(read.extensions).toEqual([{ name: 'x@example.com', value: '', raw }]);
    expect(encodeCertificate(read, read.signature)).toEqual(blob);
  });

  it('does not change when the buffer it was read from is used again', () => {
    const blob = signed(FIELDS);
    const line = formatCertificateLine(decodeCertificate(blob));
    const read = decodeCertificate(blob);
    blob.fill(0);
    expect(formatCertificateLine(read)).toBe(line);
  });

  it('reads a certificate by a security key, whose signature it cannot judge', () => {
    const signatureKey = { kind: 'sk-ed25519', type: 'sk-ssh-ed25519@openssh.com', point: new Uint8Array(32), application: 'ssh:' } as const;
    const signature = new WireWriter().string(signatureKey.type).string(new Uint8Array(64)).byte(1).uint32(3).finish();
    const blob = encodeCertificate({ ...FIELDS, signatureKey }, signature);
    expect(decodeCertificate(blob)).toMatchObject({ signatureKey, signature });
  });
});

describe('certificate lines', () => {
  it('round trip with a comment', () => {
    const certificate = decodeCertificate(signed(FIELDS));
    const line = formatCertificateLine(certificate, 'anna@laptop');
    expect(line).toMatch(/^ssh-ed25519-cert-v01@openssh\.com \S+ anna@laptop$/);
    expect(parseCertificateLine(`${line}\n`)).toEqual({ certificate, comment: 'anna@laptop' });
  });

  it('row 8: a comment with a line break is refused', () => {
    expect(codeOf(() => formatCertificateLine(decodeCertificate(signed(FIELDS)), 'a\nb'))).toBe('wire/bad-text');
  });

  it('names the type of every subject', () => {
    expect(certificateTypeOf({ kind: 'sk-ecdsa', type: 'sk-ecdsa-sha2-nistp256@openssh.com', curve: 'nistp256', point: new Uint8Array(65), application: '' })).toBe(
      'sk-ecdsa-sha2-nistp256-cert-v01@openssh.com',
    );
    expect(certificateTypeOf(FIELDS.subject)).toBe('ssh-ed25519-cert-v01@openssh.com');
  });
});

function signed(fields: CertificateFields): Uint8Array {
  return encodeCertificate(fields, signData(authority.key, authority.privateKey, encodeToBeSigned(fields)));
}

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decodeCertificate, encodeCertificate, formatCertificateLine, parseCertificateLine } from '../../src/wire/certificate.ts';
import { checkCertificate } from '../../src/wire/check-certificate.ts';
import { fingerprint, parsePublicKeyLine } from '../../src/wire/public-key.ts';
import { codeOf } from './code-of.ts';
import { showCertificate } from './ssh-keygen.ts';

const mistake = z.strictObject({ name: z.string(), code: z.string(), openssh: z.enum(['reads', 'refuses']), blob: z.base64() });
const fileSchema = z.strictObject({
  madeWith: z.string().startsWith('OpenSSH_'),
  authorities: z.array(z.string()).length(5),
  good: z.array(z.strictObject({ name: z.string(), type: z.enum(['user', 'host']), blob: z.base64() })),
  unreadable: z.array(mistake),
  unconvincing: z.array(mistake),
});
const vectors = fileSchema.parse(JSON.parse(readFileSync(new URL('certificates.json', import.meta.url), 'utf8')));
const authorities = vectors.authorities.map((line) => parsePublicKeyLine(line).key);
const NOW = 1_800_000_000; // in 2027; the vectors are valid from 2025 to 2045

describe('the vectors', () => {
  it('were all loaded', () => {
    expect([vectors.good.length, vectors.unreadable.length, vectors.unconvincing.length]).toEqual([29, 81, 18]);
    const all = [...vectors.good, ...vectors.unreadable, ...vectors.unconvincing];
    expect(new Set(all.map((v) => v.name)).size).toBe(all.length);
    expect(new Set(all.map((v) => v.blob)).size).toBe(all.length);
  });

  it('try every code of decoding', () => {
    expect([...new Set(vectors.unreadable.map((v) => v.code))].sort()).toEqual([
      'wire/bad-curve',
      'wire/bad-key',
      'wire/bad-option',
      'wire/bad-principal',
      'wire/bad-signature-length',
      'wire/bad-text',
      'wire/certificate-as-key',
      'wire/non-canonical-integer',
      'wire/option-order',
      'wire/reserved',
      'wire/signature-algorithm',
      'wire/trailing-bytes',
      'wire/truncated',
      'wire/unknown-critical-option',
      'wire/wrong-type',
    ]);
  });
});

describe('good certificates of ssh-keygen', () => {
  it.each(vectors.good)('$name: convinces, and encodes to the same bytes', ({ blob, type }) => {
    const bytes = fromBase64(blob);
    const certificate = decodeCertificate(bytes);
    checkCertificate(certificate, { type, authorities, principal: 'web-1.example.com', nowSeconds: NOW });
    expect(encodeCertificate(certificate, certificate.signature)).toEqual(bytes);
    expect(parseCertificateLine(formatCertificateLine(certificate, 'a comment'))).toEqual({ certificate, comment: 'a comment' });
  });

  it.each(vectors.good)('$name: ssh-keygen -L shows the same fields', ({ blob, type }) => {
    const certificate = decodeCertificate(fromBase64(blob));
    const shown = showCertificate(formatCertificateLine(certificate)) ?? 'refused';
    expect(shown).toContain(`${type} certificate`);
    expect(shown).toContain(fingerprint(certificate.subject));
    expect(shown).toContain(fingerprint(certificate.signatureKey));
    expect(shown).toContain(`Key ID: "${certificate.keyId}"`);
    expect(shown).toContain(`Serial: ${certificate.serial}`);
    for (const text of [...certificate.principals, ...certificate.extensions.map((e) => e.name)]) expect(shown).toMatch(new RegExp(`^ {16}${text}( |$)`, 'm'));
    for (const { name, value } of certificate.criticalOptions) expect(shown).toContain(`                ${name} ${value}`.trimEnd());
  });
});

describe('certificates with one mistake', () => {
  it.each(vectors.unreadable)('$name: $code', ({ blob, code }) => {
    expect(codeOf(() => decodeCertificate(fromBase64(blob)))).toBe(code);
  });

  it.each(vectors.unconvincing)('$name: $code', ({ blob, code }) => {
    const certificate = decodeCertificate(fromBase64(blob));
    expect(codeOf(() => checkCertificate(certificate, { type: 'user', authorities, principal: 'deploy', nowSeconds: NOW }))).toBe(code);
  });
});

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

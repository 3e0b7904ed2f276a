import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { checkCertificate } from '../../src/wire/check-certificate.ts';
import {
  encodeCertificate,
  encodeToBeSigned,
  decodeCertificate,
  formatCertificateLine,
  parseCertificateLine,
  type Certificate,
  type CertificateFields,
} from '../../src/wire/certificate.ts';
import { fingerprint, formatPublicKeyLine, parsePublicKeyLine } from '../../src/wire/public-key.ts';
import { signData } from '../../src/wire/signature.ts';
import { AUTHORITIES, KeyFolder, showCertificate, showFingerprint, SUBJECTS, type AuthorityName, type SubjectName } from './ssh-keygen.ts';

const NOW = 1_800_000_000;
const keys = new KeyFolder();
afterAll(() => {
  keys.close();
});

const SIGNERS = [
  ...AUTHORITIES.map((authority) => ({ authority, algorithm: undefined, label: authority })),
  { authority: 'rsa', algorithm: 'rsa-sha2-256', label: 'rsa with rsa-sha2-256' },
] as const;

describe.each(SIGNERS)('against ssh-keygen -s with the authority $label', ({ authority, algorithm }) => {
  describe.each(SUBJECTS)('and a subject of type %s', (subject) => {
    it.each(['user', 'host'] as const)('the %s certificate is the same, byte for byte', (type) => {
      const line = keys.sign(authority, subject, { ...optionsFor(type), ...(algorithm === undefined ? {} : { algorithm }) });
      const { certificate: theirs, comment } = parseCertificateLine(line);
      const fields = fieldsByHand(authority, subject, type, theirs.nonce);

      const toBeSigned = encodeToBeSigned(fields);
      const signature = signData(fields.signatureKey, keys.privateKey(authority), toBeSigned, algorithm);
      const ours: Certificate = { ...fields, signature };

      if (authority.startsWith('ecdsa')) {
        // every ECDSA signature is another one: ours must hold, and the rest must be the same
        checkCertificate(ours, { type, authorities: [fields.signatureKey], nowSeconds: NOW });
        expect(formatCertificateLine({ ...fields, signature: theirs.signature }, comment)).toBe(line);
      } else {
        expect(formatCertificateLine(ours, comment)).toBe(line);
      }
      checkCertificate(theirs, { type, authorities: [fields.signatureKey], nowSeconds: NOW, principal: 'web-1.example.com' });
      expect(showCertificate(formatCertificateLine(ours))).toBe(showCertificate(line));
    });
  });
});

describe('public keys', () => {
  it.each(SUBJECTS)('%s: the line and the fingerprint are those of ssh-keygen', (subject) => {
    const line = keys.subject(subject);
    const { key, comment } = parsePublicKeyLine(line);
    expect(formatPublicKeyLine(key, comment)).toBe(line);
    expect(fingerprint(key)).toBe(showFingerprint(line));
  });
});

describe('ssh-keygen -L reads what ensign makes', () => {
  it('with the longest and the strangest values', () => {
    const fields: CertificateFields = {
      ...fieldsByHand('ed25519', 'ed25519', 'user', new Uint8Array(randomBytes(32))),
      serial: 2n ** 64n - 1n,
      keyId: `zoë 🚩 ${'x'.repeat(5000)}`,
      principals: Array.from({ length: 256 }, (_, i) => `env-${i}/principal`),
      validAfter: 0n,
      validBefore: 2n ** 64n - 1n,
      extensions: [
        { name: 'permit-pty', value: '' },
        { name: 'login@example.com', value: 'zoë' },
        { name: 'no-touch-required', value: '' },
      ],
    };
    const signature = signData(fields.signatureKey, keys.privateKey('ed25519'), encodeToBeSigned(fields));
    const blob = encodeCertificate(fields, signature);
    const shown = showCertificate(formatCertificateLine(decodeCertificate(blob))) ?? 'refused';
    expect(shown).toContain('Serial: 18446744073709551615');
    expect(shown).toContain('Valid: forever');
    expect(shown.match(/^ {16}env-\d+\/principal$/gm)).toHaveLength(256);
  });
});

function optionsFor(type: 'user' | 'host') {
  const principals = ['web-1.example.com', '10.0.0.9', 'deploy'];
  const common = { principals, serial: '9876543210123456789', keyId: 'zoë: why' };
  if (type === 'host') return { ...common, host: true };
  // out of order on purpose: ssh-keygen sorts, and so must we
  return { ...common, options: ['source-address=10.0.0.0/8,::1', 'verify-required', 'force-command=echo "a b"', 'no-touch-required', 'extension:login@example.com=zoe'] };
}

/** The same certificate written down without reading ssh-keygen's, but for the nonce. */
function fieldsByHand(authority: AuthorityName, subject: SubjectName, type: 'user' | 'host', nonce: Uint8Array): CertificateFields {
  const flags = ['permit-user-rc', 'permit-pty', 'permit-port-forwarding', 'permit-agent-forwarding', 'permit-X11-forwarding', 'no-touch-required'];
  return {
    type,
    nonce,
    subject: parsePublicKeyLine(keys.subject(subject)).key,
    serial: 9_876_543_210_123_456_789n,
    keyId: 'zoë: why',
    principals: ['web-1.example.com', '10.0.0.9', 'deploy'],
    validAfter: 1_735_689_600n, // 2025-01-01
    validBefore: 2_366_841_600n, // 2045-01-01
    criticalOptions:
      type === 'host'
        ? []
        : [
            { name: 'verify-required', value: '' },
            { name: 'source-address', value: '10.0.0.0/8,::1' },
            { name: 'force-command', value: 'echo "a b"' },
          ],
    extensions: type === 'host' ? [] : [...flags.map((name) => ({ name, value: '' })), { name: 'login@example.com', value: 'zoe' }],
    signatureKey: parsePublicKeyLine(keys.authority(authority)).key,
  };
}

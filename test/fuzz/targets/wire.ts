import { decodeCertificate, encodeCertificate, encodeToBeSigned, formatCertificateLine, parseCertificateLine, type Certificate } from '../../../src/wire/certificate.ts';
import { checkCertificate } from '../../../src/wire/check-certificate.ts';
import { decodePublicKey, encodePublicKey, fingerprint, formatPublicKeyLine, parsePublicKeyLine } from '../../../src/wire/public-key.ts';
import { decodeSignature, encodeSignature, signData, verifySignature } from '../../../src/wire/signature.ts';
import { WireReader } from '../../../src/wire/reader.ts';
import { WireWriter } from '../../../src/wire/writer.ts';
import { loadSeeds } from '../corpus.ts';
import { AUTHORITY } from '../keys.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { mutateBase64, mutateText } from '../mutate-text.ts';
import { mutateWire, type Item } from '../mutate-wire.ts';
import type { Random } from '../random.ts';
import { assertSame, assertTrue, bytesOf, textOf, type Target } from '../target.ts';

const KEY_WORDS = ['ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp256', 'sk-ssh-ed25519@openssh.com', 'ssh-ed25519-cert-v01@openssh.com', 'ssh-dss', '@cert-authority', 'no-pty', 'from="*"'];
const CERTIFICATE_END: readonly Item[] = ['u64', 'u32', 'string', 'strings', 'u64', 'u64', 'strings', 'strings', 'string', 'string'];

/** The targets of src/wire: bytes that anybody may send. */
export function wireTargets(): Target[] {
  const certificateLines = loadSeeds('certificate').map(textOf);
  const keyLines = loadSeeds('public-key').map(textOf);
  const certificates = certificateLines.map(blobOf);
  const keys = keyLines.map(blobOf);
  const signed = new Set(certificates.map((blob) => Buffer.from(encodeToBeSigned(decodeCertificate(blob))).toString('base64')));
  const authorities = new Set(certificates.map((blob) => fingerprint(decodeCertificate(blob).signatureKey)));
  const others = [...certificates, ...keys];

  const runCertificate = (blob: Uint8Array): string => {
    const certificate = decodeCertificate(blob);
    assertSame(encodeCertificate(certificate, certificate.signature), blob, 'what was decoded encodes to other bytes');
    const toBeSigned = encodeToBeSigned(certificate);
    if (!verifySignature(certificate.signatureKey, toBeSigned, certificate.signature)) return 'read';
    const forged = authorities.has(fingerprint(certificate.signatureKey)) && !signed.has(Buffer.from(toBeSigned).toString('base64'));
    assertTrue(!forged, 'a changed certificate bears a good signature of an authority whose key nobody has');
    checkCertificate(certificate, { type: certificate.type, authorities: [certificate.signatureKey], nowSeconds: 1_800_000_000 });
    return 'accepted';
  };

  return [
    {
      name: 'certificate', weight: 30, areas: ['wire/'], seeds: certificates,
      mutate: (seed, random) => mutateCertificate(seed, random, others),
      run: runCertificate,
    },
    {
      name: 'certificate-line', weight: 8, areas: ['wire/'], seeds: certificateLines.map(bytesOf),
      mutate: (seed, random) => bytesOf(mutateLine(textOf(seed), random, certificateLines, (bytes) => mutateCertificate(bytes, random, others))),
      run(input) {
        const { certificate, comment } = parseCertificateLine(textOf(input));
        sameLine(textOf(input), formatCertificateLine(certificate, comment));
        return 'accepted';
      },
    },
    {
      name: 'public-key', weight: 20, areas: ['wire/'], seeds: keys,
      mutate: (seed, random) => mutateWire(seed, keyLayout(seed), random, others),
      run(input) {
        const key = decodePublicKey(input);
        assertSame(encodePublicKey(key), input, 'what was decoded encodes to other bytes');
        return key.kind === 'unknown' ? 'unknown' : 'accepted';
      },
    },
    {
      name: 'public-key-line', weight: 8, areas: ['wire/'], seeds: keyLines.map(bytesOf),
      mutate: (seed, random) => bytesOf(mutateLine(textOf(seed), random, keyLines, (bytes) => mutateWire(bytes, keyLayout(bytes), random, others))),
      run(input) {
        const { key, comment } = parsePublicKeyLine(textOf(input));
        sameLine(textOf(input), formatPublicKeyLine(key, comment));
        return key.kind === 'unknown' ? 'unknown' : 'accepted';
      },
    },
    {
      // string key, string signature, string data
      name: 'signature', weight: 12, areas: ['wire/'], seeds: certificates.map((blob) => signatureInput(decodeCertificate(blob))),
      mutate: (seed, random) => mutateWire(seed, ['string', 'strings', 'string'], random, [...certificates, ...keys]),
      run(input) {
        const reader = new WireReader(input);
        const [keyBlob, signature, data] = [reader.string(), reader.string(), reader.string()];
        const key = decodePublicKey(keyBlob);
        const holds = verifySignature(key, data, signature);
        const parts = decodeSignature(key, signature);
        if (parts === undefined) return 'unknown';
        assertSame(encodeSignature(key, parts.raw, parts.algorithm), signature, 'what was decoded encodes to another signature');
        return holds ? 'accepted' : 'read';
      },
    },
  ];
}

/** Half of the changed certificates are signed again, or every change would end at the signature. */
export function mutateCertificate(blob: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
  const layout = certificateLayout(blob);
  if (random.oneIn(2)) return mutateWire(blob, layout, random, others);
  let fields: Uint8Array;
  try {
    fields = encodeToBeSigned({ ...decodeCertificate(blob), signatureKey: AUTHORITY.key });
  } catch {
    // a piece of text that is no certificate
    return mutateBytes(blob, random, others);
  }
  return signAgain(mutateWire(fields, layout.slice(0, -1), random, others));
}

/** The fields of a certificate with a signature of the fixed authority over them. */
export function signAgain(fields: Uint8Array): Uint8Array {
  const signature = signData(AUTHORITY.key, AUTHORITY.privateKey, fields);
  return new WireWriter(fields.length + 256).bytes(fields).string(signature).finish();
}

function certificateLayout(blob: Uint8Array): Item[] {
  return ['string', 'string', ...keyStrings(blob), ...CERTIFICATE_END];
}

export function keyLayout(blob: Uint8Array): Item[] {
  return ['string', ...keyStrings(blob)];
}

/** RFC 4253 section 6.6, RFC 5656, PROTOCOL.u2f: how many strings a key of this type has. */
function keyStrings(blob: Uint8Array): Item[] {
  const type = Buffer.from(blob.subarray(4, 30)).toString('latin1');
  const count = type.startsWith('sk-ecdsa') ? 3 : type.startsWith('ssh-ed25519') ? 1 : 2;
  return Array.from({ length: count }, () => 'string');
}

function mutateLine(line: string, random: Random, others: readonly string[], mutate: (bytes: Uint8Array) => Uint8Array): string {
  return random.oneIn(2) ? mutateBase64(line, random, mutate) : mutateText(line, random, KEY_WORDS, others);
}

/** White space and the comment may differ, type and key may not. */
function sameLine(input: string, written: string): void {
  assertSame(written.split(' ').slice(0, 2).join(' '), input.trim().split(/[ \t]+/).slice(0, 2).join(' '), 'what was read is written differently');
}

function signatureInput(certificate: Certificate): Uint8Array {
  return new WireWriter().string(encodePublicKey(certificate.signatureKey)).string(certificate.signature).string(encodeToBeSigned(certificate)).finish();
}

export function blobOf(line: string): Uint8Array {
  return new Uint8Array(Buffer.from(line.split(' ')[1] ?? '', 'base64'));
}

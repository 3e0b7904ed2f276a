import { AppError } from '../base/errors.ts';
import { decodeOptions, writeOptions, type CertOption } from './cert-options.ts';
import { readKeyBody, writeKeyBody } from './key-body.ts';
import { formatLine, parseLine } from './key-line.ts';
import { decodePublicKey, isCertificateType, isKnownType, type KnownKeyType, type PublicKey, writePublicKey } from './public-key.ts';
import { WireReader } from './reader.ts';
import { decodeSignature } from './signature.ts';
import { WireWriter } from './writer.ts';

export type { CertOption };
export { isCertificateType };

/** An OpenSSH certificate, version 01: PROTOCOL.certkeys. */
export interface Certificate {
  readonly type: 'user' | 'host';
  readonly nonce: Uint8Array;
  readonly subject: PublicKey;
  readonly serial: bigint;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970; valid from here on. */
  readonly validAfter: bigint;
  /** Seconds since 1970; valid up to here, exclusive. 2^64-1 means for ever. */
  readonly validBefore: bigint;
  readonly criticalOptions: readonly CertOption[];
  readonly extensions: readonly CertOption[];
  readonly signatureKey: PublicKey;
  /** SSH signature blob: string algorithm, string signature. */
  readonly signature: Uint8Array;
}

export type CertificateFields = Omit<Certificate, 'signature'>;

const TYPE_NUMBERS = { user: 1, host: 2 } as const;
const MAX_PRINCIPALS = 256; // SSHKEY_CERT_MAX_PRINCIPALS of OpenSSH

/**
 * The bytes that the authority signs: everything up to and including its own key.
 * @throws AppError `wire/wrong-type` for a subject that cannot be certified, `wire/certificate-as-key`, `wire/bad-principal`,
 *   `wire/bad-text`, `wire/out-of-range`, `wire/option-order`, `wire/unknown-critical-option`, `wire/bad-option`
 */
export function encodeToBeSigned(fields: CertificateFields): Uint8Array {
  const { subject } = fields;
  const writer = new WireWriter().string(certificateTypeOf(subject)).string(fields.nonce);
  if (subject.kind !== 'unknown') writeKeyBody(writer, subject);
  writer.uint64(fields.serial).uint32(TYPE_NUMBERS[fields.type]);
  writer.string(withoutNul(fields.keyId)).nested((inner) => writePrincipals(inner, fields.principals));
  writer.uint64(fields.validAfter).uint64(fields.validBefore);
  writer.nested((inner) => writeOptions(inner, fields.criticalOptions, 'critical')).nested((inner) => writeOptions(inner, fields.extensions, 'extensions'));
  return writer.string('').nested((inner) => writePublicKey(inner, plainKey(fields.signatureKey))).finish();
}

/** The whole certificate. @throws AppError as {@link encodeToBeSigned}, and as decodeSignature for the signature */
export function encodeCertificate(fields: CertificateFields, signature: Uint8Array): Uint8Array {
  decodeSignature(fields.signatureKey, signature);
  return completeCertificate(encodeToBeSigned(fields), signature);
}

/** The whole certificate from the very bytes of {@link encodeToBeSigned} that were signed, and a sound signature. */
export function completeCertificate(toBeSigned: Uint8Array, signature: Uint8Array): Uint8Array {
  return new WireWriter(toBeSigned.length + 4 + signature.length).bytes(toBeSigned).string(signature).finish();
}

/**
 * Reads a certificate blob. Structure only: whether the signature holds, and whom it should convince, is for
 * checkCertificate. Whatever encoding would not give back byte for byte is refused.
 * @throws AppError `wire/wrong-type`, `wire/truncated`, `wire/trailing-bytes`, `wire/reserved`, `wire/certificate-as-key`,
 *   `wire/bad-principal`, `wire/bad-text`, `wire/option-order`, `wire/unknown-critical-option`, `wire/bad-option`,
 *   `wire/signature-algorithm`, `wire/bad-signature-length`, and the errors of decodePublicKey
 */
export function decodeCertificate(blob: Uint8Array): Certificate {
  const reader = new WireReader(Uint8Array.from(blob));
  const keyType = subjectType(reader.utf8());
  const nonce = reader.string();
  const subject = readKeyBody(keyType, reader);
  const serial = reader.uint64();
  const type = typeOfNumber(reader.uint32());
  const keyId = reader.text();
  const principals = decodePrincipals(reader.string());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = decodeOptions(reader.string(), 'critical');
  const extensions = decodeOptions(reader.string(), 'extensions');
  if (reader.string().length > 0) throw new AppError('wire/reserved', 'the reserved field of the certificate is not empty');
  const signatureKey = decodePublicKey(reader.string());
  const signature = reader.string();
  reader.end();
  decodeSignature(signatureKey, signature);
  return { type, nonce, subject, serial, keyId, principals, validAfter, validBefore, criticalOptions, extensions, signatureKey, signature };
}

/** `ssh-ed25519-cert-v01@openssh.com` for an Ed25519 key, and so on. @throws AppError `wire/wrong-type` */
export function certificateTypeOf(key: PublicKey): string {
  if (key.kind === 'unknown') {
    throw new AppError('wire/wrong-type', `keys of type ${key.type} cannot be certified`, { hint: 'use an Ed25519, ECDSA or RSA key' });
  }
  return `${key.type.replace(/@openssh\.com$/, '')}-cert-v01@openssh.com`;
}

/** Reads the one line of a `-cert.pub` file. @throws AppError `wire/bad-text`, and as {@link decodeCertificate} */
export function parseCertificateLine(line: string): { certificate: Certificate; comment: string } {
  const { blob, comment } = parseLine(line);
  return { certificate: decodeCertificate(blob), comment };
}

/** The line of a `-cert.pub` file, without newline. @throws AppError `wire/bad-text` for a comment that would break it */
export function formatCertificateLine(certificate: Certificate, comment = ''): string {
  return formatCertificateBlob(certificate.subject, encodeCertificate(certificate, certificate.signature), comment);
}

/** The same for a certificate that is encoded already. */
export function formatCertificateBlob(subject: PublicKey, blob: Uint8Array, comment = ''): string {
  return formatLine(certificateTypeOf(subject), blob, comment);
}

function subjectType(name: string): KnownKeyType {
  const stem = name.replace(/-cert-v01@openssh\.com$/, '');
  const type = [stem, `${stem}@openssh.com`].find(isKnownType);
  if (stem === name || type === undefined) throw new AppError('wire/wrong-type', `${JSON.stringify(name)} is not a type of certificate that ensign knows`);
  return type;
}

function typeOfNumber(value: number): 'user' | 'host' {
  if (value === TYPE_NUMBERS.user) return 'user';
  if (value === TYPE_NUMBERS.host) return 'host';
  throw new AppError('wire/wrong-type', `the certificate is neither for users (1) nor for hosts (2) but ${value}`);
}

function writePrincipals(writer: WireWriter, principals: readonly string[]): void {
  for (const principal of principals) writer.string(withoutNul(principal));
  checkPrincipals(principals);
}

function decodePrincipals(bytes: Uint8Array): string[] {
  const reader = new WireReader(bytes);
  const principals: string[] = [];
  while (reader.remaining > 0) principals.push(reader.text());
  checkPrincipals(principals);
  return principals;
}

function checkPrincipals(principals: readonly string[]): void {
  if (principals.includes('')) throw new AppError('wire/bad-principal', 'the certificate has an empty principal');
  if (principals.length > MAX_PRINCIPALS) {
    throw new AppError('wire/bad-principal', `the certificate has ${principals.length} principals; OpenSSH takes ${MAX_PRINCIPALS}`);
  }
}

function withoutNul(text: string): string {
  if (text.includes('\0')) throw new AppError('wire/bad-text', 'a text of the certificate holds a NUL character');
  return text;
}

/** A certificate can reach this place only as kind `unknown` made by hand: decodePublicKey refuses it. */
function plainKey(key: PublicKey): PublicKey {
  if (!isCertificateType(key.type)) return key;
  throw new AppError('wire/certificate-as-key', 'a certificate cannot sign certificates: only a plain key can');
}

import { AppError } from '../base/errors.ts';
import { encodeToBeSigned, type Certificate } from './certificate.ts';
import { fingerprint, samePublicKey, type PublicKey } from './public-key.ts';
import { verifySignature } from './signature.ts';

export interface CertificateExpectation {
  readonly type: 'user' | 'host';
  /** Keys that may have signed it. With none, nothing is accepted. */
  readonly authorities: readonly PublicKey[];
  /** The login or host name it must be for. Without it any principal will do, but there must be one. */
  readonly principal?: string;
  readonly nowSeconds: number;
}

/**
 * Decides whether a certificate convinces, as sshd (users) and ssh (hosts) do, with three differences on the strict
 * side: a certificate without principals is never for everyone, principals are never patterns, and a signature with
 * SHA-1 counts for nothing. Nothing in the certificate is looked at before its signature was verified.
 * @throws AppError `wire/unknown-authority`, `wire/bad-signature`, `wire/wrong-type`, `wire/not-yet-valid`, `wire/expired`,
 *   `wire/no-principals`, `wire/wrong-principal`, `wire/unknown-critical-option` (host certificates have none)
 */
export function checkCertificate(certificate: Certificate, expected: CertificateExpectation): void {
  checkSignature(certificate, expected.authorities);
  checkType(certificate, expected.type);
  checkValidity(certificate, expected.nowSeconds);
  checkPrincipals(certificate, expected.principal);
}

function checkSignature(certificate: Certificate, authorities: readonly PublicKey[]): void {
  const authority = authorities.find((key) => samePublicKey(key, certificate.signatureKey));
  if (authority === undefined) {
    throw new AppError('wire/unknown-authority', `the certificate is signed by ${fingerprint(certificate.signatureKey)}, which is not a known authority`);
  }
  if (!verifySignature(authority, encodeToBeSigned(certificate), certificate.signature)) {
    throw new AppError('wire/bad-signature', `the certificate names the authority ${fingerprint(authority)}, but its signature is not from it`, {
      hint: 'the certificate was changed or forged: do not use it, and find out where it came from',
    });
  }
}

function checkType(certificate: Certificate, type: 'user' | 'host'): void {
  if (certificate.type !== type) throw new AppError('wire/wrong-type', `this is a ${certificate.type} certificate, not one for a ${type}`);
  const option = certificate.criticalOptions[0];
  if (type === 'host' && option !== undefined) {
    throw new AppError('wire/unknown-critical-option', `a host certificate cannot have the critical option ${JSON.stringify(option.name)}`);
  }
}

/** The window of sshkey_cert_check_authority: valid_after <= now < valid_before. Written so that NaN is refused. */
function checkValidity(certificate: Certificate, nowSeconds: number): void {
  if (!(certificate.validAfter <= nowSeconds)) {
    throw new AppError('wire/not-yet-valid', `the certificate is valid only from ${instant(certificate.validAfter)}`, {
      hint: 'compare the clocks of both machines',
    });
  }
  if (!(nowSeconds < certificate.validBefore)) {
    throw new AppError('wire/expired', `the certificate expired at ${instant(certificate.validBefore)}`, { hint: 'have it renewed' });
  }
}

function checkPrincipals(certificate: Certificate, principal: string | undefined): void {
  if (certificate.principals.length === 0) {
    throw new AppError('wire/no-principals', 'the certificate names no principals', { hint: 'have it issued again with principals' });
  }
  if (principal === undefined) return;
  // ssh turns the host name it was given to lower case and then compares exactly; a login is taken as it is
  const wanted = certificate.type === 'host' ? principal.toLowerCase() : principal;
  if (!certificate.principals.includes(wanted)) {
    throw new AppError('wire/wrong-principal', `the certificate is for ${certificate.principals.map((p) => JSON.stringify(p)).join(', ')}, not for ${JSON.stringify(wanted)}`);
  }
}

function instant(seconds: bigint): string {
  // beyond what Date can show, the number says enough
  return seconds > 8_640_000_000_000n ? `second ${seconds.toString()}` : new Date(Number(seconds) * 1000).toISOString();
}

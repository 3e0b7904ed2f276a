import { AppError, EXIT, formatLocation } from '../base/errors.ts';
import type { Certificate } from '../wire/certificate.ts';
import { checkCertificate } from '../wire/check-certificate.ts';
import { fingerprint } from '../wire/public-key.ts';
import { certificateAuthoritiesFor, type KnownHosts, revocationOf } from './known-hosts.ts';

export interface HostCertificateExpectation {
  /** Names that the host goes by; the certificate must be good for one of them. */
  readonly names: readonly string[];
  readonly port: number;
  readonly knownHosts: KnownHosts;
  readonly nowSeconds: number;
}

/**
 * Judges a host certificate by known_hosts, as ssh does: an authority that is trusted for a name must have signed it
 * for that same name, and neither the authority nor the host's key may be revoked. Gives the name that it is good for.
 * That the host holds the key is for the key exchange to prove, not for this.
 * @throws AppError `ssh/host-key-revoked`, `ssh/no-authority` (no line covers the names), or the reason of the first
 *   name that has an authority: the codes of `checkCertificate` in wire
 */
export function checkHostCertificate(certificate: Certificate, expected: HostCertificateExpectation): string {
  const { names, port, knownHosts, nowSeconds } = expected;
  for (const [key, what] of [[certificate.signatureKey, 'the authority'], [certificate.subject, 'the host key']] as const) {
    const line = revocationOf(knownHosts, names, port, key);
    if (line === undefined) continue;
    throw new AppError('ssh/host-key-revoked', `${what} ${fingerprint(key)} of the certificate of ${names.join(', ')} is revoked by ${formatLocation(line.at)}`, {
      hint: 'nothing that this key vouches for can be believed: have the host enrolled again with sound keys',
      exit: EXIT.hostsFailed,
      at: line.at,
    });
  }
  let reason: AppError | undefined;
  for (const name of names) {
    const authorities = certificateAuthoritiesFor(knownHosts, [name], port);
    if (authorities.length === 0) continue;
    try {
      checkCertificate(certificate, { type: 'host', authorities, principal: name, nowSeconds });
      return name;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      reason ??= error;
    }
  }
  throw (
    reason ??
    new AppError('ssh/no-authority', `no @cert-authority line of known_hosts covers ${names.join(', ')}`, {
      hint: 'have the lines of "ensign known-hosts" in known_hosts',
      exit: EXIT.hostsFailed,
    })
  );
}

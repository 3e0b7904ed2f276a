import type { Certificate } from '../wire/certificate.ts';
import { certificateTypeOf, encodeToBeSigned, parseCertificateLine } from '../wire/certificate.ts';
import { verifySignature } from '../wire/signature.ts';
import { samePublicKey, type PublicKey } from '../wire/public-key.ts';
import { AppError } from '../base/errors.ts';
import { formatDuration } from '../base/duration.ts';
import { printable } from '../base/text.ts';
import { certificatePath } from '../sshd/drop-in.ts';
import { effectiveList } from '../sshd/effective.ts';
import type { FileFacts, HostFacts } from './facts.ts';
import type { CertificateChange, Notice, Refusal } from './plan-types.ts';
import { RENEW_AFTER, type TrustSpec } from './spec.ts';

export interface CertificatePlan {
  readonly changes: readonly CertificateChange[];
  readonly served: readonly { readonly path: string; readonly key: PublicKey }[];
  readonly refusals: readonly Refusal[];
  readonly notices: readonly Notice[];
}

// what a current client asks for first comes first, so that the scan meets it
const ORDER = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];

// no space, quote or comment sign, none of which every sshd reads alike
const PLAIN_PATH = /^[\w/.,:=+@-]+$/;

/** One certificate for every host key that sshd uses and we understand; says which of them have to be issued, and why. */
export function planCertificates(facts: HostFacts, spec: TrustSpec): CertificatePlan {
  const notices: Notice[] = [];
  const allowed = effectiveList(facts.effective, 'hostkeyalgorithms');
  const usable: { path: string; keyPath: string; key: PublicKey }[] = [];
  for (const { path: keyPath, key, problem } of facts.hostKeys) {
    if (key === undefined) {
      notices.push({ code: 'host/host-key-unreadable', message: `${keyPath}: ${problem ?? 'not readable'}; it gets no certificate` });
    } else if (!ORDER.includes(key.type)) {
      notices.push({ code: 'host/host-key-unknown-type', message: `${keyPath} is of type ${key.type}, which ensign does not certify` });
    } else if (!PLAIN_PATH.test(keyPath)) {
      notices.push({ code: 'host/host-key-path', message: `${printable(keyPath)}: sshd_config could not name the certificate of a key with such a path; it gets none` });
    } else if (allowed !== undefined && !certificateAlgorithms(key).some((a) => allowed.includes(a))) {
      notices.push({ code: 'host/certificate-type-excluded', message: `${keyPath}: HostKeyAlgorithms excludes ${certificateTypeOf(key)}; it gets no certificate` });
    } else {
      usable.push({ path: certificatePath(keyPath), keyPath, key });
    }
  }
  usable.sort((a, b) => ORDER.indexOf(a.key.type) - ORDER.indexOf(b.key.type));
  const changes = usable.flatMap(({ path, keyPath, key }): CertificateChange[] => {
    const file = facts.files.get(path);
    const before = readCertificate(file);
    const why = reasonToIssue(before, key, facts, spec);
    return why === undefined ? [] : [{ kind: 'certificate', path, before, beforeSha256: file?.sha256, keyPath, key, names: spec.names, why }];
  });
  return { changes, served: usable.map(({ path, key }) => ({ path, key })), refusals: refusals(usable), notices };
}

/** The certificate in a file, or undefined when there is none that can be read. */
export function readCertificate(file: FileFacts | undefined): Certificate | undefined {
  if (file?.text === undefined) return undefined;
  try {
    return parseCertificateLine(file.text.trim()).certificate;
  } catch (error) {
    // an unreadable certificate is replaced, whatever is wrong with it
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** Unix seconds from which a certificate is issued anew. */
export function renewAt(certificate: Pick<Certificate, 'validAfter' | 'validBefore'>): number {
  const from = Number(certificate.validAfter);
  return Math.floor(from + (Number(certificate.validBefore) - from) * RENEW_AFTER);
}

function reasonToIssue(certificate: Certificate | undefined, key: PublicKey, facts: HostFacts, spec: TrustSpec): string | undefined {
  if (certificate === undefined) return 'the host has no certificate for this key';
  if (!samePublicKey(certificate.subject, key)) return 'the host key was replaced';
  if (!samePublicKey(certificate.signatureKey, spec.hostAuthority)) return 'it was signed by another authority';
  if (certificate.type !== 'host' || !verifySignature(certificate.signatureKey, encodeToBeSigned(certificate), certificate.signature)) return 'it is not a valid host certificate';
  if (!sameNames(certificate.principals, spec.names)) return `its names were ${certificate.principals.join(', ')}`;
  const now = facts.observedAt;
  if (Number(certificate.validBefore) <= now) return `it expired ${formatDuration(now - Number(certificate.validBefore))} ago`;
  if (now >= renewAt(certificate)) return `two thirds of its life have passed; ${formatDuration(Number(certificate.validBefore) - now)} are left`;
  return undefined;
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

// RSA keys certify under three names, of which the SHA-1 one is no use
function certificateAlgorithms(key: PublicKey): string[] {
  return key.type === 'ssh-rsa' ? ['rsa-sha2-512-cert-v01@openssh.com', 'rsa-sha2-256-cert-v01@openssh.com'] : [certificateTypeOf(key)];
}

function refusals(usable: readonly { path: string; keyPath: string }[]): Refusal[] {
  if (usable.length === 0) {
    return [{ code: 'host/no-host-key', message: 'sshd uses no host key that can be certified', hint: 'give the host an Ed25519 host key (`ssh-keygen -A`), or allow certificate types in HostKeyAlgorithms' }];
  }
  const twice = usable.find((a, i) => usable.some((b, j) => j < i && b.path === a.path));
  return twice === undefined ? [] : [{ code: 'host/host-key-names', message: `two host keys are called ${twice.keyPath.slice(twice.keyPath.lastIndexOf('/') + 1)}`, hint: 'give each HostKey its own file name' }];
}

import { isCertificateType } from '../../wire/public-key.ts';
import type { LintRule } from './rule.ts';

export const subjectKind: LintRule = {
  name: 'subject-kind',
  source: 'PROTOCOL.certkeys "New public key formats"; sshd(8) takes neither DSA nor types it does not know',
  check({ fields: { subject, type } }) {
    if (isCertificateType(subject.type)) return ['the subject is itself a certificate: give the plain public key'];
    if (subject.kind === 'unknown') return [`keys of type ${JSON.stringify(subject.type)} cannot be certified: use Ed25519, ECDSA or RSA`];
    if (type === 'host' && subject.kind.startsWith('sk-')) return ['a host key cannot need a touch: use Ed25519, ECDSA or RSA'];
    return [];
  },
};

import { isCertificateType, samePublicKey } from '../../wire/public-key.ts';
import { authorityKeyProblem } from '../key-strength.ts';
import type { LintRule } from './rule.ts';

export const signingKey: LintRule = {
  name: 'signing-key',
  source: 'PROTOCOL.certkeys "signature key" (certificates must not sign); CVE-2025-49825 (Teleport); NIST SP 800-57 part 1 table 2',
  check({ fields, authority }, { authorities }) {
    const key = fields.signatureKey;
    if (isCertificateType(key.type)) return ['a certificate cannot sign certificates'];
    const listed = authorities.some((a) => a.purpose === authority.purpose && samePublicKey(a.publicKey, key));
    if (!listed || !samePublicKey(key, authority.publicKey)) return ['the signing key is none of the authorities'];
    const problem = authorityKeyProblem(key);
    return problem === undefined ? [] : [`the signing key ${problem}`];
  },
};

import type { LintRule } from './rule.ts';

/** sshd and ssh take a certificate without principals to be good for every login or host. */
export const principalsPresent: LintRule = {
  name: 'principals-present',
  source: 'PROTOCOL.certkeys "valid principals": an empty list means any; CVE-2024-7594 (Vault)',
  check: ({ fields }) => (fields.principals.length === 0 ? ['it names no principals, which would mean everybody'] : []),
};

import type { LintRule } from './rule.ts';

const LIMIT = 1n << 64n;

/** That it is unique is for the store to enforce, in the transaction that records it. */
export const serial: LintRule = {
  name: 'serial',
  source: 'PROTOCOL.certkeys "serial" (uint64); ssh-keygen(1) KEY REVOCATION LISTS: 0 cannot be revoked',
  check: ({ fields }) => (fields.serial > 0n && fields.serial < LIMIT ? [] : ['its serial is not between 1 and 2^64-1']),
};

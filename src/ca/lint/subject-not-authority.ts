import { samePublicKey } from '../../wire/public-key.ts';
import type { LintRule } from './rule.ts';

export const subjectNotAuthority: LintRule = {
  name: 'subject-not-authority',
  source: 'a CA key is used for signing certificates alone (RFC 5280 section 4.2.1.3 in spirit); a leaked login must not be a leaked CA',
  check: ({ fields }, { authorities }) =>
    authorities.filter((a) => samePublicKey(a.publicKey, fields.subject)).map((a) => `the subject's key is the ${a.purpose} authority itself`),
};

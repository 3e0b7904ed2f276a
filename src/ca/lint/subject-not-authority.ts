import { samePublicKey } from '../../wire/public-key.ts';
import type { LintRule } from './rule.ts';

export const subjectNotAuthority: LintRule = {
  name: 'subject-not-authority',
  source: 'NIST SP 800-57 part 1 section 5.2 (one key, one use): whoever steals a login must not have stolen the authority',
  check: ({ fields }, { authorities }) =>
    authorities.filter((a) => samePublicKey(a.publicKey, fields.subject)).map((a) => `the subject's key is the ${a.purpose} authority itself`),
};

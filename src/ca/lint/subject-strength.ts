import { subjectKeyProblem } from '../key-strength.ts';
import type { LintRule } from './rule.ts';

export const subjectStrength: LintRule = {
  name: 'subject-strength',
  source: 'NIST SP 800-131A rev. 2 section 3 (RSA >= 2048 bits); FIPS 186-5 section 5.4 (exponent); sshd_config(5) RequiredRSASize',
  check({ fields: { subject } }) {
    const problem = subjectKeyProblem(subject);
    return problem === undefined ? [] : [`the subject's key ${problem}`];
  },
};

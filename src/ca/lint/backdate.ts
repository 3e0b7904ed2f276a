import { formatDuration } from '../../base/duration.ts';
import type { LintRule } from './rule.ts';

// a moment may pass between prepare and lint
const GRACE = 30;

export const backdate: LintRule = {
  name: 'backdate',
  source: 'the profile; CA/Browser Forum Baseline Requirements 7.1.2.7 (no certificate reaches back before what vouches for it)',
  check({ fields, profile, authority }, { nowSeconds }) {
    const validAfter = Number(fields.validAfter);
    const back = nowSeconds - validAfter;
    const findings: string[] = [];
    if (back > profile.backdate + GRACE) {
      findings.push(`it would be valid since ${formatDuration(back)} ago; profile ${profile.name} allows ${formatDuration(profile.backdate)}`);
    }
    if (back < 0) findings.push(`it would be valid only in ${formatDuration(-back)}`);
    if (validAfter < authority.createdAt) findings.push('it would be valid before its authority was made');
    return findings;
  },
};

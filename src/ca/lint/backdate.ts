import { formatDuration } from '../../base/duration.ts';
import type { LintRule } from './rule.ts';

export const backdate: LintRule = {
  name: 'backdate',
  source: 'the profile; CA/Browser Forum Baseline Requirements 7.1.2.7 (no certificate reaches back before what vouches for it)',
  check({ fields, profile, authority, preparedAt }, { nowSeconds }) {
    const validAfter = Number(fields.validAfter);
    const back = preparedAt - validAfter;
    const findings: string[] = [];
    if (back > profile.backdate) {
      findings.push(`it would be valid since ${formatDuration(back)} ago; profile ${profile.name} allows ${formatDuration(profile.backdate)}`);
    }
    if (validAfter > nowSeconds) findings.push(`it would be valid only in ${formatDuration(validAfter - nowSeconds)}`);
    if (validAfter < authority.createdAt) findings.push('it would be valid before its authority was made');
    return findings;
  },
};

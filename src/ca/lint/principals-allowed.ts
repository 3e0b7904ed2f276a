import { patternAllows } from '../principal-pattern.ts';
import type { LintRule } from './rule.ts';

export const principalsAllowed: LintRule = {
  name: 'principals-allowed',
  source: 'the profile: no pattern at all allows nothing',
  check: ({ fields, profile }) =>
    fields.principals
      .filter((principal) => !profile.principals.some((pattern) => patternAllows(profile.type, pattern, principal)))
      .map((principal) => `profile ${profile.name} does not allow the principal ${JSON.stringify(principal)}`),
};

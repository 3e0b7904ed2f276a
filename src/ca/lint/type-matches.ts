import type { LintRule } from './rule.ts';

export const typeMatches: LintRule = {
  name: 'type-matches',
  source: 'PROTOCOL.certkeys "type"; one key never serves people and hosts, or a host could log in',
  check({ fields, profile, authority }) {
    const findings: string[] = [];
    if (fields.type !== profile.type) findings.push(`it is a ${fields.type} certificate, and profile ${profile.name} is for ${profile.type} certificates`);
    if (fields.type !== authority.purpose) findings.push(`it is a ${fields.type} certificate, and the authority signs only for ${authority.purpose}s`);
    return findings;
  },
};

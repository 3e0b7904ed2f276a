import type { LintRule } from './rule.ts';

const MOST = 256;

export const principalsUnique: LintRule = {
  name: 'principals-unique',
  source: 'OpenSSH sshkey.h SSHKEY_CERT_MAX_PRINCIPALS (256); a repeated principal is a mistake of the caller',
  check({ fields: { principals } }) {
    const repeated = principals.filter((principal, i) => principals.indexOf(principal) !== i);
    const findings = [...new Set(repeated)].map((principal) => `principal ${JSON.stringify(principal)} is named twice`);
    if (principals.length > MOST) findings.push(`it names ${principals.length} principals; OpenSSH reads no more than ${MOST}`);
    return findings;
  },
};

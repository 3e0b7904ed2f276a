import { userPrincipalProblem } from '../principal-syntax.ts';
import type { LintRule } from './rule.ts';

export const userPrincipals: LintRule = {
  name: 'user-principals',
  source: 'sshd_config(5) AuthorizedPrincipalsFile; CVE-2026-35414 (OpenSSH, comma in a principal); OpenBao GHSA-59w7',
  check: ({ fields }) =>
    fields.type !== 'user'
      ? []
      : fields.principals.flatMap((principal) => {
          const problem = userPrincipalProblem(principal);
          return problem === undefined ? [] : [`principal ${JSON.stringify(principal)}: ${problem}`];
        }),
};

import { hostNameProblem } from '../principal-syntax.ts';
import type { LintRule } from './rule.ts';

export const hostNames: LintRule = {
  name: 'host-names',
  source: 'RFC 1123 section 2.1; sshconnect.c check_host_key (compares the bare lower-cased name); golang/go#20273 (host:port)',
  check: ({ fields }) =>
    fields.type !== 'host'
      ? []
      : fields.principals.flatMap((name) => {
          const problem = hostNameProblem(name);
          return problem === undefined ? [] : [`host name ${JSON.stringify(name)}: ${problem}`];
        }),
};

import { cidrProblem } from '../cidr.ts';
import type { LintRule } from './rule.ts';

export const sourceAddress: LintRule = {
  name: 'source-address',
  source: 'PROTOCOL.certkeys "source-address"; OpenSSH addrmatch.c addr_match_cidr_list; CVE-2026-46595 (x/crypto)',
  check: ({ fields }) =>
    fields.criticalOptions
      .filter((option) => option.name === 'source-address')
      .flatMap(({ value }) => value.split(','))
      .flatMap((cidr) => {
        const problem = cidrProblem(cidr);
        return problem === undefined ? [] : [`source address ${JSON.stringify(cidr)}: ${problem}`];
      }),
};

import { EXTENSIONS } from '../cert-options.ts';
import type { LintRule } from './rule.ts';

export const extensions: LintRule = {
  name: 'extensions',
  source: 'PROTOCOL.certkeys "Extensions": flags without a value; none exist for host certificates',
  check: ({ fields: { type, extensions: given, subject }, profile }) =>
    given.flatMap(({ name, value, raw }, i) => {
      const extension = `extension ${JSON.stringify(name)}`;
      if (!EXTENSIONS[type].includes(name)) return [`${extension} is not known for ${type} certificates`];
      if (!profile.extensions.allowed.includes(name)) return [`profile ${profile.name} does not allow the ${extension}`];
      if (given.findIndex((e) => e.name === name) !== i) return [`${extension} is given twice`];
      if (value !== '' || raw !== undefined) return [`${extension} has no value`];
      if (name === 'no-touch-required' && !subject.kind.startsWith('sk-')) return [`${extension} is for security keys (sk-*) alone`];
      return [];
    }),
};

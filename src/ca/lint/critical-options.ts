import { CRITICAL_OPTIONS, FLAGS } from '../cert-options.ts';
import type { LintRule } from './rule.ts';

export const criticalOptions: LintRule = {
  name: 'critical-options',
  source: 'PROTOCOL.certkeys "Critical options": an option that sshd does not know makes the certificate useless; none exist for hosts',
  check: ({ fields: { type, criticalOptions: options, subject }, profile }) =>
    options.flatMap(({ name, value, raw }, i) => {
      const option = `critical option ${JSON.stringify(name)}`;
      if (!CRITICAL_OPTIONS[type].includes(name)) return [`${option} is not known for ${type} certificates`];
      if (!profile.criticalOptions.includes(name)) return [`profile ${profile.name} does not allow the ${option}`];
      if (options.findIndex((o) => o.name === name) !== i) return [`${option} is given twice`];
      if (FLAGS.includes(name) && value !== '') return [`${option} has no value`];
      if (raw !== undefined) return [`${option} holds raw data`];
      if (name === 'verify-required' && !subject.kind.startsWith('sk-')) return [`${option} is for security keys (sk-*) alone`];
      return [];
    }),
};

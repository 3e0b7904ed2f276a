import { isPlainText } from '../../base/text.ts';
import type { LintRule } from './rule.ts';

const LONGEST = 4096;

export const forceCommand: LintRule = {
  name: 'force-command',
  source: 'PROTOCOL.certkeys "force-command"; sshd(8): an empty command is none at all, and then every command is allowed',
  check: ({ fields }) =>
    fields.criticalOptions
      .filter((option) => option.name === 'force-command')
      .flatMap(({ value }) => {
        if (value.trim() === '') return ['the forced command is empty'];
        if (!isPlainText(value)) return ['the forced command holds control or invisible characters'];
        return value.length > LONGEST ? [`the forced command is longer than ${LONGEST} characters`] : [];
      }),
};

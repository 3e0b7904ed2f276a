import { isPlainText } from '../../base/text.ts';
import { formatKeyId, parseKeyId, whoProblem } from '../key-id.ts';
import type { LintRule } from './rule.ts';

const LONGEST_REASON = 500;

export const keyId: LintRule = {
  name: 'key-id',
  source: 'PROTOCOL.certkeys "key id" (what sshd logs); opkssh#597 (names that break a line)',
  check({ fields, who, why, reason, requestId }) {
    const problem = whoProblem(who);
    if (problem !== undefined) return [problem];
    if (why === '' || !isPlainText(why)) return ['the key id does not say why it was asked for'];
    const findings: string[] = [];
    if (fields.keyId !== formatKeyId(who, why, requestId) || parseKeyId(fields.keyId) === undefined) findings.push('the key id does not carry who, why and request');
    if (reason !== undefined && (reason.length > LONGEST_REASON || !isPlainText(reason))) findings.push(`the reason is longer than ${LONGEST_REASON} characters or holds control characters`);
    return findings;
  },
};

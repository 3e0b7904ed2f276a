import { formatDuration } from '../../base/duration.ts';
import type { LintRule } from './rule.ts';

// 2000-01-01 and 2100-01-01: a time outside was counted in another unit (milliseconds are 1000 times too far)
const EARLIEST = 946_684_800n;
const LATEST = 4_102_444_800n;

// between prepare and lint, in seconds
const LONGEST_WAIT = 60;

export const lifetime: LintRule = {
  name: 'lifetime',
  source: 'PROTOCOL.certkeys "valid after", "valid before" (seconds since 1970); the profile; Infisical early revision (ms taken as s)',
  check({ fields: { validAfter, validBefore }, profile, preparedAt }, { nowSeconds }) {
    if (validAfter < EARLIEST || validBefore > LATEST) return ['its validity is not in this century: are the times in seconds?'];
    if (preparedAt > nowSeconds || nowSeconds - preparedAt > LONGEST_WAIT) return ['it was not prepared just now: prepare it again'];
    const ttl = Number(validBefore) - preparedAt;
    const asked = (): string => `it would be valid for ${formatDuration(ttl)}; profile ${profile.name}`;
    if (ttl > profile.maxTtl) return [`${asked()} allows at most ${formatDuration(profile.maxTtl)}`];
    if (ttl < profile.minTtl) return [`${asked()} wants at least ${formatDuration(profile.minTtl)}`];
    return validBefore <= validAfter ? ['it would end before it begins'] : [];
  },
};

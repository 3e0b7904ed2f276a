import { formatDuration } from '../../base/duration.ts';
import type { LintRule } from './rule.ts';

// 2000-01-01 and 2100-01-01: a time outside was counted in another unit (milliseconds are 1000 times too far)
const EARLIEST = 946_684_800n;
const LATEST = 4_102_444_800n;

export const lifetime: LintRule = {
  name: 'lifetime',
  source: 'PROTOCOL.certkeys "valid after", "valid before" (seconds since 1970); the profile; Infisical early revision (ms taken as s)',
  check({ fields: { validAfter, validBefore }, profile }, { nowSeconds }) {
    if (validAfter < EARLIEST || validBefore > LATEST) return ['its validity is not in this century: are the times in seconds?'];
    const left = Number(validBefore) - nowSeconds;
    const asked = (seconds: number): string => `it would be valid for ${formatDuration(seconds)}; profile ${profile.name}`;
    if (left > profile.maxTtl) return [`${asked(left)} allows at most ${formatDuration(profile.maxTtl)}`];
    // a moment may pass between prepare and lint
    if (left < profile.minTtl - GRACE) return [`${asked(left)} wants at least ${formatDuration(profile.minTtl)}`];
    if (validBefore <= validAfter) return ['it would end before it begins'];
    return [];
  },
};

const GRACE = 30;

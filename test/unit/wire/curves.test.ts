import { describe, expect, it } from 'vitest';
import { CURVES, isPointOnCurve, type Curve } from '../../../src/wire/curves.ts';
import { ecKey } from './keys.ts';

describe('isPointOnCurve', () => {
  it.each(['P-256', 'P-384', 'P-521'] as const)('%s: accepts what OpenSSL makes, and no neighbour of it', (name) => {
    const { curve, point } = keyOf(name);
    expect(isPointOnCurve(curve, point)).toBe(true);
    for (const at of [1, CURVES[curve].size, CURVES[curve].size + 1, 2 * CURVES[curve].size]) {
      expect(isPointOnCurve(curve, point.with(at, (point[at] ?? 0) ^ 1))).toBe(false);
    }
  });

  it('refuses a coordinate beyond the prime, a second way to write the same point', () => {
    const { point } = keyOf('P-521');
    const x = BigInt(`0x${Buffer.from(point.subarray(1, 67)).toString('hex')}`) + CURVES.nistp521.p;
    const other = Buffer.concat([Buffer.of(4), Buffer.from(x.toString(16).padStart(132, '0'), 'hex'), point.subarray(67)]);
    expect(other).toHaveLength(133);
    expect(isPointOnCurve('nistp521', other)).toBe(false);
  });

  it('refuses a point of another curve', () => {
    expect(isPointOnCurve('nistp384', keyOf('P-256').point)).toBe(false);
  });
});

function keyOf(name: 'P-256' | 'P-384' | 'P-521'): { curve: Curve; point: Uint8Array } {
  const { key } = ecKey(name);
  if (key.kind !== 'ecdsa') throw new Error('not an ECDSA key');
  return key;
}

import { describe, expect, it } from 'vitest';
import { expandRanges, MOST_HOSTS } from '../../../src/inventory/ranges.ts';

function names(pattern: string): readonly string[] {
  const result = expandRanges(pattern);
  if ('problem' in result) throw new Error(result.problem.message);
  return result.names;
}

describe('expandRanges', () => {
  it('keeps zeros in front', () => {
    expect(names('web-[01:03].example')).toEqual(['web-01.example', 'web-02.example', 'web-03.example']);
    expect(names('[008:011]')).toEqual(['008', '009', '010', '011']);
  });

  it('counts without zeros across a change of width', () => {
    expect(names('n[9:11]')).toEqual(['n9', 'n10', 'n11']);
    expect(names('n[0:1]')).toEqual(['n0', 'n1']);
  });

  it('combines several ranges, the last one fastest', () => {
    expect(names('a[1:2]-b[01:02]')).toEqual(['a1-b01', 'a1-b02', 'a2-b01', 'a2-b02']);
  });

  it('takes a range of one, and a name without a range', () => {
    expect(names('n[5:5]')).toEqual(['n5']);
    expect(names('plain.example')).toEqual(['plain.example']);
  });

  it('takes as many hosts as it says, and no more', () => {
    expect(names(`n[1:${MOST_HOSTS}]`)).toHaveLength(MOST_HOSTS);
    expect(expandRanges(`n[0:${MOST_HOSTS}]`)).toMatchObject({ problem: { code: 'inventory/bad-range' } });
    // the product counts, not the single range
    expect(expandRanges('[1:1000][1:1000]')).toMatchObject({ problem: { code: 'inventory/bad-range' } });
  });

  it.each([
    'n[3:1]', 'n[1]', 'n[]', 'n[1:]', 'n[:3]', 'n[1-3]', 'n[1:3:1]', 'n[a:c]', 'n[01:3]', 'n[1:03]', 'n[-1:3]', 'n[1: 3]', 'n[1:3',
    'n1:3]', 'n[[1:3]]', 'n]1:3[', 'n[1:9999999999]', 'n[0x1:0x3]', 'n[1.0:2.0]', 'n[1:\u0663]',
  ])('refuses %s', (pattern) => {
    expect(expandRanges(pattern)).toMatchObject({ problem: { code: 'inventory/bad-range' } });
  });
});

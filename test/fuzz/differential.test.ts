import { describe, expect, it } from 'vitest';
import { agree, DIFFERENCES, differenceOf } from './differences.ts';
import { compare, ORACLES, type OracleName } from './differential.ts';

// as many as take a few seconds: batches are cheap, a process for each input is not
const COUNTS: Readonly<Record<OracleName, number>> = { certificate: 2500, 'public-key': 4000, convincing: 60, known_hosts: 80, 'private-key': 40, include: 50 };

describe.each(ORACLES)('%s: ensign and OpenSSH', (oracle) => {
  it('agree, but for what is listed with a reason', { timeout: 180_000 }, () => {
    const comparisons = compare(oracle, 11, COUNTS[oracle]);
    const unexplained = comparisons.filter((comparison) => !agree(comparison) && differenceOf(comparison) === undefined);
    expect(unexplained.map(({ input, ours, openssh }) => ({ ours, openssh, input: Buffer.from(input).toString('base64') }))).toEqual([]);
    // OpenSSH has to have said yes as well as no, or nothing was compared
    expect(new Set(comparisons.map(({ openssh }) => openssh.replace(/^accepts.*/, 'accepts'))).size).toBeGreaterThan(1);
    expect(comparisons.filter((comparison) => agree(comparison)).length).toBeGreaterThan(comparisons.length / 2);
  });
});

it('every difference is of an oracle that there is, and has a reason', () => {
  expect(DIFFERENCES.filter(({ oracle, reason }) => !ORACLES.includes(oracle) || reason.length < 10)).toEqual([]);
  expect(new Set(DIFFERENCES.map(({ oracle, name }) => `${oracle} ${name}`)).size).toBe(DIFFERENCES.length);
});

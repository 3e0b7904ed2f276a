// npm run fuzz -- [--runs N] [--seed N] [--target NAME] [--jobs N] [--input N] [--differential N]: see docs/fuzzing.md
import { mkdtempSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz, type FuzzResult } from './fuzz.ts';
import { outcomeOf, type Finding } from './outcome.ts';
import { allTargets, inputOf } from './targets.ts';
import type { Target } from './target.ts';

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' }, target: { type: 'string' }, jobs: { type: 'string' }, input: { type: 'string' }, differential: { type: 'string' } } });
  const targets = allTargets().filter((target) => values.target === undefined || target.name === values.target);
  if (targets.length === 0) return usage(`there is no target ${values.target ?? ''}; the targets are ${allTargets().map((t) => t.name).join(', ')}`);
  const [runs, seed, jobs] = [Number(values.runs), Number(values.seed), Number(values.jobs ?? availableParallelism())];
  if (![runs, jobs].every((n) => Number.isSafeInteger(n) && n > 0) || !Number.isSafeInteger(seed)) return usage('--runs, --seed and --jobs are whole numbers');
  if (values.input !== undefined) return one(targets, seed, Number(values.input));
  if (values.differential !== undefined) return differential(seed, Number(values.differential));
  const start = performance.now();
  const result = await fuzz(targets, { runs, seed, jobs });
  print(result, (performance.now() - start) / 1000, seed);
  for (const finding of result.findings) report(finding, targets, seed);
  return result.findings.length === 0 ? 0 : 1;
}

function usage(what: string): number {
  process.stderr.write(`${what}\nusage: npm run fuzz -- [--runs N] [--seed N] [--target NAME] [--jobs N] [--input N] [--differential N]\n`);
  return 2;
}

/** One input of a run again, in this process, for a debugger. */
async function one(targets: readonly Target[], seed: number, index: number): Promise<number> {
  const [target] = targets;
  if (target === undefined || targets.length > 1) return usage('--input wants a --target');
  const input = inputOf(target, seed, index);
  process.stdout.write(`${save(target.name, seed, index, input)}: ${input.length} bytes\n`);
  process.stdout.write(`${JSON.stringify(await outcomeOf(target, input), null, 2)}\n`);
  return 0;
}

/** Asks the installed OpenSSH about N inputs of every kind that it knows; a twentieth of them where each costs a process. */
async function differential(seed: number, count: number): Promise<number> {
  const { agree, differenceOf } = await import('./differences.ts');
  const { compare, ORACLES } = await import('./differential.ts');
  let unexplained = 0;
  for (const oracle of ORACLES) {
    const start = performance.now();
    const comparisons = compare(oracle, seed, oracle === 'certificate' || oracle === 'public-key' ? count : Math.ceil(count / 20));
    const disagreeing = comparisons.filter((comparison) => !agree(comparison));
    const names = new Map<string, number>();
    for (const comparison of disagreeing) {
      const name = differenceOf(comparison)?.name;
      if (name === undefined) process.stdout.write(`UNEXPLAINED, ensign: ${comparison.ours}, OpenSSH: ${comparison.openssh}: ${Buffer.from(comparison.input).toString('base64')}\n`);
      if (name === undefined) unexplained += 1;
      else names.set(name, (names.get(name) ?? 0) + 1);
    }
    const listed = [...names].map(([name, n]) => `${name} ${n}`).join(', ');
    process.stdout.write(`${oracle.padEnd(14)}${String(comparisons.length).padStart(7)} compared in ${((performance.now() - start) / 1000).toFixed(1)} s, ${disagreeing.length} differ${listed === '' ? '' : `: ${listed}`}\n`);
  }
  process.stdout.write(`${unexplained} disagreements without a reason\n`);
  return unexplained === 0 ? 0 : 1;
}

function print({ targets, findings }: FuzzResult, seconds: number, seed: number): void {
  process.stdout.write(`${'target'.padEnd(18)}${'inputs'.padStart(9)}${'a second'.padStart(10)}${'slowest'.padStart(10)}  outcomes\n`);
  let total = 0;
  for (const [name, { runs, milliseconds, words, slowest }] of targets) {
    total += runs;
    const common = [...words].sort((a, b) => b[1] - a[1]).slice(0, 4).map(([word, count]) => `${word} ${((100 * count) / runs).toFixed(1)} %`);
    const rate = Math.round((1000 * runs) / milliseconds);
    process.stdout.write(`${name.padEnd(18)}${String(runs).padStart(9)}${String(rate).padStart(10)}${`${slowest.milliseconds.toFixed(0)} ms`.padStart(10)}  ${common.join(', ')}${words.size > 4 ? `, ${words.size - 4} more` : ''}\n`);
  }
  process.stdout.write(`${total} inputs of seed ${seed} in ${seconds.toFixed(1)} s, ${Math.round(total / seconds)} a second; ${findings.length} findings\n`);
}

function report({ target: name, input, what }: Finding, targets: readonly Target[], seed: number): void {
  const target = targets.find((t) => t.name === name);
  const file = target === undefined || typeof input === 'string' ? '' : save(name, seed, input, inputOf(target, seed, input));
  process.stdout.write(`\nFINDING in ${name}, input ${input}: ${what}\n  the input is in ${file}; again: npm run fuzz -- --target ${name} --seed ${seed} --input ${input}\n`);
}

function save(target: string, seed: number, index: number, input: Uint8Array): string {
  const file = join(mkdtempSync(join(tmpdir(), 'ensign-found-')), `found-${target}-${seed}-${index}`);
  writeFileSync(file, input);
  return file;
}

process.exitCode = await main();

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = new URL('../..', import.meta.url).pathname;
const RATIO = ['ratio', 'ratio_low', 'ratio_high'];

function bench(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, ['--import', 'tsx', 'bench/run.ts', ...args], { cwd: ROOT, timeout: 120_000 });
}

// a bench that nobody runs rots: each is run once, very small, and what it gives means nothing
it.each([
  ['sign', ['certs_per_second', 'raw_signs_per_second', ...RATIO, 'stored_certs_per_second', 'stored_cpu_us_per_cert']],
  ['scan', ['hosts', 'hosts_per_second', 'keyscan_hosts_per_second', ...RATIO, 'cpu_ms_per_host']],
  ['start', ['help_ms', 'node_ms', ...RATIO]],
  ['inventory', ['hosts', 'load_ms', 'load_ms_low', 'load_ms_high', 'load_cpu_ms']],
] as const)('npm run bench -- %s --json ends with one object that has its figures', async (name, keys) => {
  const { stdout } = await bench(name, '--json', '--size', 'small');
  const figures = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
  expect(Object.keys(figures)).toEqual(['bench', ...keys]);
  expect(figures['bench']).toBe(name);
  for (const key of keys) expect(figures[key], key).toEqual(expect.any(Number));
}, 150_000);

it.each([
  ['no name', []],
  ['a name that is none', ['toString']],
  ['a number of rounds that is none', ['sign', '--rounds', '0']],
  ['a size that is none', ['sign', '--size', 'huge']],
  ['a flag that is none', ['sign', '--fast']],
])('%s tells the names of the benches', async (_, args) => {
  await expect(bench(...args)).rejects.toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('the names are sign, scan, start, inventory') as unknown });
}, 60_000);

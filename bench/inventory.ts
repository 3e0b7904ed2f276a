import { loadInventory } from '../src/inventory/load.ts';
import { median, milliseconds, rounded, type Figures } from './measure.ts';

const HOSTS = 10_000;

/** Loading and checking an inventory that lists every host by name. */
export async function benchInventory(): Promise<Figures> {
  const entries = Array.from({ length: HOSTS }, (_, i) => `      web-${String(i).padStart(5, '0')}.example.com: { address: 10.${i >> 16}.${(i >> 8) & 255}.${i & 255} }\n`).join('');
  const text = `version: 1\nenvironment: staging\ngroups:\n  web:\n    hosts:\n${entries}    logins: { root: [sre] }\n`;
  const figures: number[] = [];
  for (let round = 0; round < 7; round += 1) figures.push(await milliseconds(() => loadInventory(text, 'bench.yaml')));
  // the first round warms up
  return { hosts: HOSTS, load_ms: rounded(median(figures.slice(1)), 0) };
}

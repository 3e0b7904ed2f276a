import { loadInventory } from '../src/inventory/load.ts';
import { milliseconds, processorMilliseconds, rounded, spread, type Bench } from './measure.ts';

/** Loading and checking an inventory that lists every host by name, in groups within groups and behind jump hosts. */
export const inventoryBench: Bench = {
  sizes: { full: { rounds: 7, count: 10_000 }, small: { rounds: 1, count: 10 } },
  async run({ rounds, count }) {
    const text = inventoryText(count);
    const load = (): Promise<number> =>
      milliseconds(() => {
        const { hosts } = loadInventory(text, 'bench.yaml');
        // the jump host is one more
        if (hosts.length !== count + 1) throw new Error(`${hosts.length} hosts were loaded`);
      });
    await load(); // warms up
    const times: number[] = [];
    const processor: number[] = [];
    for (let round = 0; round < rounds; round += 1) processor.push(await processorMilliseconds(async () => times.push(await load())));
    const { median, low, high } = spread(times);
    return { hosts: count, load_ms: rounded(median, 0), load_ms_low: rounded(low, 0), load_ms_high: rounded(high, 0), load_cpu_ms: rounded(spread(processor).median, 0) };
  },
};

/** Racks of 50 within five sites within one world; each site has its way in, and the first jump host is in the inventory. */
function inventoryText(count: number): string {
  const racks = Math.ceil(count / 50);
  const hosts = Array.from({ length: count }, (_, i) => `      web-${String(i).padStart(5, '0')}.example.com: { address: 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}, groups: [rack-${i % racks}] }\n`);
  const rackGroups = Array.from({ length: racks }, (_, i) => `  rack-${i}: { groups: [site-${i % 5}], concurrency: 2 }\n`);
  const sites = Array.from({ length: 5 }, (_, i) => `  site-${i}: { groups: [world], jump: [gate, inner-${i}.example.com] }\n`);
  const groups = `  web:\n    hosts:\n${hosts.join('')}    logins: { root: [sre] }\n${rackGroups.join('')}${sites.join('')}  world: { user: ops }\n`;
  return `version: 1\nenvironment: staging\ngroups:\n${groups}hosts:\n  gate.example.com: { port: 2222 }\n`;
}

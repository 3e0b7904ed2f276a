import { loadInventory } from '../src/inventory/load.ts';
import { milliseconds, rounded, spread, type Bench } from './measure.ts';

/** Loading and checking an inventory that lists every host by name. */
export const inventoryBench: Bench = {
  sizes: { full: { rounds: 7, count: 10_000 }, small: { rounds: 1, count: 10 } },
  async run({ rounds, count }) {
    const entries = Array.from({ length: count }, (_, i) => `      web-${String(i).padStart(5, '0')}.example.com: { address: 10.${i >> 16}.${(i >> 8) & 255}.${i & 255} }\n`).join('');
    const text = `version: 1\nenvironment: staging\ngroups:\n  web:\n    hosts:\n${entries}    logins: { root: [sre] }\n`;
    const load = (): Promise<number> =>
      milliseconds(() => {
        const { hosts } = loadInventory(text, 'bench.yaml');
        if (hosts.length !== count) throw new Error(`${hosts.length} hosts were loaded`);
      });
    await load(); // warms up
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) times.push(await load());
    const { median, low, high } = spread(times);
    return { hosts: count, load_ms: rounded(median, 0), load_ms_low: rounded(low, 0), load_ms_high: rounded(high, 0) };
  },
};

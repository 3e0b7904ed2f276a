// npm run bench -- NAME [--json]: figures as ratios against a peer or a limit, both measured in turn in one run.
import { benchInventory } from './inventory.ts';
import type { Figures } from './measure.ts';
import { benchSign } from './sign.ts';
import { benchStart } from './start.ts';

const BENCHES: Readonly<Record<string, () => Promise<Figures>>> = { sign: benchSign, start: benchStart, inventory: benchInventory };

const args = process.argv.slice(2);
const name = args.find((arg) => !arg.startsWith('-')) ?? '';
const bench = BENCHES[name];
if (bench === undefined) {
  process.stderr.write(`usage: npm run bench -- NAME [--json]; the names are ${Object.keys(BENCHES).join(', ')}\n`);
  process.exitCode = 2;
} else {
  const figures = await bench();
  if (!args.includes('--json')) for (const [key, value] of Object.entries(figures)) process.stdout.write(`${key.padEnd(24)} ${value}\n`);
  else process.stdout.write(`${JSON.stringify({ bench: name, ...figures })}\n`);
}

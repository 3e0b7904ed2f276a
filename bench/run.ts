// npm run bench -- NAME [--json]: figures as ratios against a peer or a limit, both measured in turn in one run.
import { parseArgs } from 'node:util';
import { inventoryBench } from './inventory.ts';
import type { Bench } from './measure.ts';
import { scanBench } from './scan.ts';
import { signBench } from './sign.ts';
import { startBench } from './start.ts';

const BENCHES: Readonly<Record<string, Bench>> = { sign: signBench, scan: scanBench, start: startBench, inventory: inventoryBench };
const USAGE = `usage: npm run bench -- NAME [--json] [--rounds N] [--size full|small]; the names are ${Object.keys(BENCHES).join(', ')}\n`;

async function main(args: readonly string[]): Promise<void> {
  const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options: { json: { type: 'boolean' }, rounds: { type: 'string' }, size: { type: 'string', default: 'full' } } });
  const [name = '', ...more] = positionals;
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  const size = values.size === 'full' || values.size === 'small' ? bench?.sizes[values.size] : undefined;
  const rounds = values.rounds === undefined ? size?.rounds : Number(values.rounds);
  if (bench === undefined || size === undefined || rounds === undefined || !(Number.isInteger(rounds) && rounds > 0) || more.length > 0) throw new TypeError('what is asked for is unclear');
  const figures = await bench.run({ ...size, rounds });
  if (values.json === true) process.stdout.write(`${JSON.stringify({ bench: name, ...figures })}\n`);
  else for (const [key, value] of Object.entries(figures)) process.stdout.write(`${key.padEnd(28)} ${value}\n`);
}

// so that what is started here is taken down: only `exit` is heard by everybody
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) process.once(signal, () => process.exit(code));

try {
  await main(process.argv.slice(2));
} catch (error) {
  // what parseArgs throws, and main where it is asked for something else
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n${USAGE}`);
  process.exitCode = 2;
}

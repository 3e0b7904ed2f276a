import type { Target } from '../target.ts';

const kept: Uint8Array[] = [];

/** What fuzzing is there to find, for the test of the finding: the number of the input decides what breaks. */
export const target: Target = {
  name: 'broken',
  weight: 1,
  areas: ['good/'],
  seeds: [new Uint8Array(1)],
  mutate: (_seed, random) => Uint8Array.of(random.next() & 0xff),
  run(input) {
    const mode = process.env['ENSIGN_FUZZ_MODE'];
    if ((input[0] ?? 0) % 16 !== 7) return 'accepted';
    if (mode === 'hang') for (;;) kept.length = 0;
    if (mode === 'wait') return new Promise(() => undefined);
    if (mode === 'exit') process.kill(process.pid, 'SIGABRT');
    if (mode === 'memory') for (let i = 0; i < 300; i += 1) kept.push(Buffer.alloc(1 << 20, 1));
    // still there when the parent looks
    if (mode === 'memory') for (;;) kept.fill(kept[0] ?? input);
    throw new TypeError('a crash');
  },
};

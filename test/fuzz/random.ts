/**
 * A source of chance that gives the same numbers on every machine: sfc32 of PractRand, seeded by words. One of them is
 * made for each input, so that input 123456 of a run can be made again without those before it.
 */
export class Random {
  readonly #state = new Uint32Array(4);

  constructor(...words: readonly number[]) {
    let hash = 0x9e3779b9;
    for (const word of words) hash = mix(hash ^ word);
    for (let i = 0; i < 3; i += 1) this.#state[i] = hash = mix(hash);
    this.#state[3] = 1;
    for (let i = 0; i < 12; i += 1) this.next();
  }

  /** 32 bits. */
  next(): number {
    const s = this.#state;
    const [a = 0, b = 0, c = 0, counter = 0] = s;
    const result = (a + b + counter) >>> 0;
    s[3] = counter + 1;
    s[0] = b ^ (b >>> 9);
    s[1] = c + (c << 3);
    s[2] = ((c << 21) | (c >>> 11)) + result;
    return result;
  }

  /** A whole number from 0 to `limit` - 1; 0 for an empty range. */
  below(limit: number): number {
    return limit < 1 ? 0 : Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** True one time in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** @throws Error for an empty list: there is nothing to pick */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to pick from');
    return list[this.below(list.length)] as T;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.next() & 0xff);
  }

  /** Mostly small, seldom up to `most`: sizes as they are found in nature. */
  size(most: number): number {
    return this.below(2 ** this.below(Math.ceil(Math.log2(most + 1)) + 1)) % (most + 1);
  }
}

/** A number for a name, FNV-1a. */
export function wordOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const character of Buffer.from(name)) hash = Math.imul(hash ^ character, 0x01000193);
  return hash >>> 0;
}

// the end of murmur3
function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) + 0x6d2b79f5) >>> 0;
}

const BLOCK = 4096;

/**
 * The same random source, asked for 4 KiB at a time: a certificate needs three short draws, and each call into the
 * system's generator costs as much as many bytes of it. Nothing is handed out twice, and what was handed out is wiped.
 */
export function pooled(random: (length: number) => Uint8Array): (length: number) => Uint8Array {
  let block = new Uint8Array(0);
  let used = 0;
  return (length) => {
    if (length > BLOCK) return random(length);
    if (used + length > block.length) {
      block = Uint8Array.from(random(BLOCK));
      used = 0;
    }
    const drawn = block.slice(used, used + length);
    block.fill(0, used, used + length);
    used += length;
    return drawn;
  };
}

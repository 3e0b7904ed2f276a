import { Duplex } from 'node:stream';

/** Two streams, each of which reads what the other writes. */
export function duplexPair(): [Duplex, Duplex] {
  const a = new End();
  const b = new End();
  a.other = b;
  b.other = a;
  return [a, b];
}

class End extends Duplex {
  other: End | undefined;

  constructor() {
    super({ allowHalfOpen: false });
  }

  override _read(): void {
    // the other end pushes
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.other?.destroyed === false) this.other.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }
}

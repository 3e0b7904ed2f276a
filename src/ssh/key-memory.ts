/**
 * The keys that opened hosts in this run, so that the next host is offered them first: a host counts every key that it
 * is offered and does not know (MaxAuthTries in sshd_config(5)).
 */
export class KeyMemory {
  readonly #opened = new Map<string, number>();

  /** @param blob key or certificate, as bytes on the wire */
  remember(blob: Uint8Array): void {
    const name = nameOf(blob);
    this.#opened.set(name, (this.#opened.get(name) ?? 0) + 1);
  }

  /** How many logins it has opened. */
  times(blob: Uint8Array): number {
    return this.#opened.get(nameOf(blob)) ?? 0;
  }
}

function nameOf(blob: Uint8Array): string {
  return Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString('base64');
}

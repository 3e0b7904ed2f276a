import { resolve } from 'node:path';
import { AppError, usageError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { readPrivateFile } from '../ca/private-file-adapter.ts';
import { listAgent } from '../ssh/agent-adapter.ts';
import { isEncryptedKeyFile, loadKeyFile, readPublicHalf } from '../ssh/key-file-adapter.ts';
import { encodePublicKey } from '../wire/public-key.ts';
import type { Io } from './io.ts';
import { oneLine } from './passphrase.ts';
import { askLine, hearingCtrlC } from './terminal.ts';

const TRIES = 3;

/** The passphrases of key files: one for all of them from a file, or each from a person, who is asked once a run. */
export class KeyRing {
  readonly #io: Io;
  readonly #given: Secret<string> | undefined;
  readonly #asked = new Map<string, Promise<Secret<string>>>();

  /** @throws AppError `ssh/bad-passphrase`, `ca/missing`, `ca/unsafe-permissions` */
  static async open(io: Io, passphraseFile: string | undefined): Promise<KeyRing> {
    if (passphraseFile === undefined) return new KeyRing(io, undefined);
    const file = resolve(io.cwd, passphraseFile);
    return new KeyRing(io, oneLine(await readPrivateFile(file, 'passphrase file'), 'ssh/bad-passphrase', `the passphrase in ${file}`));
  }

  private constructor(io: Io, given: Secret<string> | undefined) {
    this.#io = io;
    this.#given = given;
  }

  /** A way to the passphrase of a key, to be gone when the key has to be opened; undefined where there is none. */
  passphraseFor(path: string): (() => Promise<Secret<string>>) | undefined {
    const given = this.#given;
    if (given !== undefined) return () => Promise.resolve(given);
    return this.#io.interactive ? () => this.#ask(path) : undefined;
  }

  /**
   * Makes sure of a key that a person has named, before anything is connected: later it would be a prompt in the middle
   * of a run, or a failure on every host. The agent at `socket` may hold it, then nothing is needed.
   * @throws AppError `ssh/key-passphrase-needed`, `ssh/key-passphrase-wrong` and those of loadKeyFile
   */
  async prepare(path: string, socket: string | undefined): Promise<void> {
    if (!(await isEncryptedKeyFile(path)) || (await agentHolds(path, socket))) return;
    const passphrase = await this.passphraseFor(path)?.();
    if (passphrase === undefined) {
      throw usageError('ssh/key-passphrase-needed', `the private key ${path} is encrypted, and there is no terminal to ask for its passphrase on`, {
        hint: 'give --key-passphrase-file FILE (mode 0600), or load the key into an ssh-agent with ssh-add',
      });
    }
    await loadKeyFile(path, passphrase);
  }

  // one promise for everybody who wants the same key: the second does not ask, and does not ask again after a refusal
  #ask(path: string): Promise<Secret<string>> {
    const asked = this.#asked.get(path) ?? this.#io.terminal.turn(() => hearingCtrlC(() => this.#askUntilRight(path)));
    this.#asked.set(path, asked);
    return asked;
  }

  async #askUntilRight(path: string): Promise<Secret<string>> {
    for (let left = TRIES - 1; ; left--) {
      const passphrase = await askLine(this.#io, `Passphrase of the key ${path}`, false);
      try {
        await loadKeyFile(path, passphrase);
        return passphrase;
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'ssh/key-passphrase-wrong' || left === 0) throw error;
        this.#io.note(`that does not open ${path}`);
      }
    }
  }
}

async function agentHolds(path: string, socket: string | undefined): Promise<boolean> {
  const half = await readPublicHalf(path);
  if (socket === undefined || half === undefined) return false;
  try {
    const blob = encodePublicKey(half);
    return (await listAgent(socket)).some((held) => Buffer.compare(held.blob, blob) === 0);
  } catch (error) {
    // what is wrong with the agent is told when somebody logs in
    if (error instanceof AppError) return false;
    throw error;
  }
}

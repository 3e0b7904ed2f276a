import { AppError, EXIT } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';

/** What came of sending it: the host took it, refused it, or was lost before it said so. */
export type PasswordVerdict = 'accepted' | 'refused' | 'unknown';

/** The password, lent to one login. The login says what came of it; the first word counts. */
export interface LentPassword {
  readonly secret: Secret<string>;
  settle(verdict: PasswordVerdict): void;
}

/**
 * A login password for many hosts. Until one host has accepted it, one host at a time gets it; once a host refuses it
 * that early, no other gets it at all. A mistyped password is one failed login then and not one for each host: behind
 * many hosts there is one directory, which locks an account after a few.
 */
export class LoginPassword {
  readonly #secret: Secret<string>;
  #proven = false;
  #refusedBy: string | undefined;
  #trial: Promise<void> | undefined;

  constructor(secret: Secret<string>) {
    this.#secret = secret;
  }

  /**
   * Waits for its turn.
   * @throws AppError `ssh/password-withheld`
   */
  async lend(host: string): Promise<LentPassword> {
    while (!this.#proven && this.#refusedBy === undefined && this.#trial !== undefined) await this.#trial;
    if (this.#refusedBy !== undefined) {
      throw new AppError('ssh/password-withheld', `${host} was not sent the password, because ${this.#refusedBy} has refused it`, {
        exit: EXIT.hostsFailed,
        hint: 'run again with the right password; if only that host has another one, leave it out with --limit',
      });
    }
    let settled = false;
    let end: () => void = () => undefined;
    if (!this.#proven) this.#trial = new Promise((resolve) => { end = resolve; });
    const settle = (verdict: PasswordVerdict): void => {
      if (settled) return;
      settled = true;
      if (verdict === 'accepted') this.#proven = true;
      if (verdict === 'refused' && !this.#proven) this.#refusedBy = host;
      this.#trial = undefined;
      end();
    };
    return { secret: this.#secret, settle };
  }
}

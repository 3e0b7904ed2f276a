import type { Duplex } from 'node:stream';
import type { AnyAuthMethod } from 'ssh2';
import { AppError, EXIT } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { decodePublicKey, samePublicKey, type PublicKey } from '../wire/public-key.ts';
import { offerAgent } from './certificate-login.ts';
import type { Offer } from './offer.ts';
import type { ConnectOptions } from './session.ts';
import { lost, tcpError } from './tcp-adapter.ts';

/** One attempt to log in: answers ssh2's questions, and knows afterwards why it failed. */
export class Login {
  readonly #options: ConnectOptions;
  readonly #offers: readonly Offer[];
  readonly #notes: string[] = [];
  #next = 0;
  #accepted: PublicKey | undefined;
  #refusal: AppError | undefined;

  constructor(options: ConnectOptions, offers: readonly Offer[]) {
    this.#options = options;
    this.#offers = offers;
  }

  get hostKey(): PublicKey | undefined {
    return this.#accepted;
  }

  /** ssh2 takes everything but a strict false for yes, a promise included: hence one way out of here, and a boolean. */
  readonly verify = (blob: Buffer): boolean => {
    try {
      const key = decodePublicKey(blob);
      // a host may exchange keys again at any time, but not change into another
      if (this.#accepted !== undefined) return samePublicKey(this.#accepted, key);
      const verdict = this.#options.hostKey(key);
      if (verdict.accepted) this.#accepted = key;
      else this.#refusal = verdict.error;
      return this.#accepted !== undefined;
    } catch (cause) {
      this.#refusal = cause instanceof AppError ? cause : new AppError('ssh/protocol', `${this.#options.host}: its key could not be checked`, { cause });
      return false;
    }
  };

  /** The next key to offer, or false when there is none: exactly one at a time. */
  readonly offer = (methods: readonly string[] | null, partial: boolean | null): AnyAuthMethod | false => {
    if (partial === true) {
      this.#notes.push(`the host wants more than a key: ${printable(methods?.join(', ') ?? 'unknown')}`);
      return false;
    }
    if (methods !== null && !methods.includes('publickey')) {
      this.#notes.push(`the host accepts no keys, only ${printable(methods.join(', '))}`);
      return false;
    }
    const offer = this.#offers[this.#next];
    if (offer === undefined) return false;
    this.#next += 1;
    const note = (error: unknown): void => void this.#notes.push(`${offer.label} would not sign: ${error instanceof Error ? error.message : String(error)}`);
    return { type: 'agent', username: this.#options.user, agent: offerAgent(offer, note) };
  };

  /** Why the attempt failed, from ssh2's error. Looks at its codes and levels, never at its words. */
  explain(cause: unknown, socket: Duplex): AppError {
    if (this.#refusal !== undefined) return this.#refusal;
    const { host } = this.#options;
    const error = cause instanceof Error ? cause : new Error(String(cause));
    const { level, code } = error as Error & { level?: unknown; code?: unknown };
    const said = printable(error.message).slice(0, 300);
    // a disconnect message of the host, with its reason as a number
    if (typeof code === 'number') return this.#next > 0 ? this.#notLetIn(cause, `the host said: ${said}`) : lost(host, cause);
    switch (level) {
      case 'client-authentication':
        return this.#notLetIn(cause);
      case 'client-socket':
        return tcpError(error, host);
      case 'client-timeout':
        return new AppError('ssh/timeout', `${host} did not finish the login in time`, { cause, exit: EXIT.unreachable, hint: 'the host is overloaded, or what answers there is no sshd' });
      default:
        // our end of a broken exchange is closed only after this, the host's end before
        if (socket.readableEnded || socket.destroyed) return lost(host, cause);
        return new AppError('ssh/protocol', `${host} does not speak SSH as expected: ${said}`, { cause, exit: EXIT.hostsFailed, hint: 'is this the port of an sshd, and one of this decade?' });
    }
  }

  #notLetIn(cause: unknown, ...notes: string[]): AppError {
    const { host, user } = this.#options;
    const offered = this.#offers.slice(0, this.#next).map((offer) => offer.label);
    return new AppError('ssh/auth-failed', `${host} does not let ${user} log in`, {
      cause,
      exit: EXIT.hostsFailed,
      hint: [`offered: ${offered.length === 0 ? 'nothing' : offered.join('; ')}`, ...this.#notes, ...notes].join('. '),
    });
  }
}

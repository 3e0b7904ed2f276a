import type { Duplex } from 'node:stream';
import type { AnyAuthMethod, Client } from 'ssh2';
import { AppError, EXIT } from '../base/errors.ts';
import { plural, printable } from '../base/text.ts';
import { decodePublicKey, samePublicKey, type PublicKey } from '../wire/public-key.ts';
import { Answers } from './answers.ts';
import { listenToLogin, offerAgent, offTheClock, sendOffers } from './certificate-login.ts';
import { loginTooSlow, notAsExpected } from './login-failure.ts';
import type { Offer } from './offer.ts';
import type { ConnectOptions } from './session.ts';
import { lost, tcpError } from './tcp-adapter.ts';

// with false for nothing more, which ssh2 takes and its types have only for handlers that do not wait
type NextMethod = (method: AnyAuthMethod) => void;

// sshd hangs up at the sixth refusal (MaxAuthTries), and may hold it against our address; a password needs one of them
export const MOST_KEYS = 5;

/** One attempt to log in: answers ssh2's questions, and knows afterwards why it failed. */
export class Login {
  readonly #options: ConnectOptions;
  readonly #offers: readonly Offer[];
  readonly #answers: Answers;
  readonly #gone = new AbortController();
  readonly #notes: string[] = [];
  readonly #passed: string[] = [];
  #client: Client | undefined;
  #next = 0;
  #refused = 0;
  /** What the host takes, as far as it has said so. */
  #methods: readonly string[] | undefined;
  #trying: Offer | 'none' | 'answers' = 'none';
  #accepted: PublicKey | undefined;
  #refusal: AppError | undefined;
  #keyProblem: AppError | undefined;

  constructor(options: ConnectOptions, offers: readonly Offer[]) {
    this.#options = options;
    this.#offers = offers;
    this.#answers = new Answers(options, { offTheClock: (work) => this.#offTheClock(work), giveUp: (error) => this.#giveUp(error), gone: this.#gone.signal });
  }

  get hostKey(): PublicKey | undefined {
    return this.#accepted;
  }

  /**
   * Takes over the login of a client; call it right after `connect()` has made the protocol object.
   * @throws AppError `ssh/library`
   */
  attach(client: Client): void {
    this.#client = client;
    sendOffers(client);
    listenToLogin(client, { refused: this.#heard, told: (name, text) => this.#answers.told(`${name}\n${text}`) });
    const { host, user } = this.#options;
    client.once('ready', () => this.#works());
    client.once('close', () => {
      this.#gone.abort();
      this.#answers.end();
    });
    client.on('change password', () => {
      this.#works();
      const hint = `log in by hand (ssh ${user}@${host}) and choose one`;
      this.#giveUp(new AppError('ssh/password-expired', `${host} wants ${user} to choose a new password first`, { hint, exit: EXIT.hostsFailed }));
    });
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

  /** The next thing to try, or false when there is none: exactly one at a time. What ssh2 says of the last one is not all. */
  readonly offer = (_methods: unknown, _partial: unknown, next: NextMethod): void => {
    this.#choose().then(next as (method: AnyAuthMethod | false) => void, (error: unknown) => {
      this.#giveUp(error instanceof AppError ? error : new AppError('ssh/protocol', `the login to ${this.#options.host} failed`, { cause: error }));
    });
  };

  /** Why the attempt failed, from ssh2's error. Looks at its codes and levels, never at its words. */
  explain(cause: unknown, socket: Duplex): AppError {
    this.#answers.end();
    if (this.#refusal !== undefined) return this.#refusal;
    const { host } = this.#options;
    const error = cause instanceof Error ? cause : new Error(String(cause));
    const { level, code } = error as Error & { level?: unknown; code?: unknown };
    const said = printable(error.message).slice(0, 300);
    if (this.#answers.waiting) {
      const hint = 'hosts that ask wait for two minutes in all: run with --concurrency 1';
      return new AppError('ssh/answer-late', `${host} hung up before its question was answered`, { cause, exit: EXIT.hostsFailed, hint });
    }
    // a disconnect message of the host, with its reason as a number
    if (typeof code === 'number') return this.#next > 0 || this.#trying === 'answers' ? this.#notLetIn(cause, `the host said: ${said}`) : lost(host, cause);
    switch (level) {
      case 'client-authentication':
        return this.#notLetIn(cause);
      case 'client-socket':
        return tcpError(error, host);
      case 'client-timeout':
        return loginTooSlow(host, cause);
      default:
        // our end of a broken exchange is closed only after this, the host's end before
        if (socket.readableEnded || socket.destroyed) return lost(host, cause);
        return notAsExpected(host, said, cause);
    }
  }

  async #choose(): Promise<AnyAuthMethod | false> {
    const methods = this.#methods;
    const keysDo = methods?.includes('publickey') ?? true;
    const offer = keysDo ? this.#nextOffer() : undefined;
    if (offer !== undefined) {
      this.#trying = offer;
      return { type: 'agent', username: this.#options.user, agent: offerAgent({ ...offer, sign: (data) => this.#offTheClock(() => offer.sign(data)) }, this.#unsigned(offer)) };
    }
    // as ssh does, and as sshd does not count: asks what the host takes
    if (methods === undefined) return { type: 'none', username: this.#options.user };
    this.#trying = 'answers';
    return (await this.#answers.next(methods, keysDo && this.#passed.length === 0)) ?? false;
  }

  #nextOffer(): Offer | undefined {
    if (this.#refused >= (this.#answers.hasPassword ? MOST_KEYS - 1 : MOST_KEYS)) return undefined;
    const offer = this.#offers[this.#next];
    if (offer !== undefined) this.#next += 1;
    return offer;
  }

  readonly #heard = (methods: readonly string[], partial: boolean): void => {
    this.#methods = methods;
    if (partial) this.#works();
    else if (this.#trying === 'answers') this.#answers.settle(false);
    else if (this.#trying !== 'none') this.#refused += 1;
  };

  /** What was tried last was right. */
  #works(): void {
    if (this.#trying === 'answers') this.#answers.settle(true);
    else if (this.#trying !== 'none') this.#trying.worked();
    this.#passed.push(typeof this.#trying === 'string' ? 'what it was answered' : this.#trying.label);
  }

  #unsigned(offer: Offer): (error: unknown) => void {
    return (error) => {
      // a key file that could not be opened is what there is to repair
      if (error instanceof AppError && error.code.startsWith('ssh/key-')) this.#keyProblem ??= error;
      this.#notes.push(`${offer.label} would not sign: ${error instanceof Error ? error.message : String(error)}`);
    };
  }

  #offTheClock<T>(work: () => Promise<T>): Promise<T> {
    return this.#client === undefined ? work() : offTheClock(this.#client, work);
  }

  #giveUp(error: AppError): void {
    this.#refusal ??= error;
    this.#client?.end();
  }

  #notLetIn(cause: unknown, ...notes: readonly string[]): AppError {
    const { host, user } = this.#options;
    const refused = this.#answers.refusal(cause);
    if (refused !== undefined) return refused;
    const hint = [...this.#whatWasOffered(), ...this.#notes, ...notes].join('. ');
    const wants = printable(this.#methods?.join(', ') ?? '');
    if (this.#keyProblem !== undefined) return new AppError(this.#keyProblem.code, this.#keyProblem.message, { cause, exit: EXIT.hostsFailed, hint: [this.#keyProblem.hint, hint].join('. ') });
    if (this.#passed.length > 0) {
      const more = `${host} accepts ${this.#passed.join(' and ')}, and wants more of ${user}: ${wants}`;
      return new AppError('ssh/second-step-needed', more, { cause, exit: EXIT.hostsFailed, hint: [`give the password with --ask-password or --password-file FILE, or run at a terminal to answer its questions`, ...this.#notes, ...notes].join('. ') });
    }
    return new AppError('ssh/auth-failed', `${host} does not let ${user} log in`, { cause, exit: EXIT.hostsFailed, hint });
  }

  #whatWasOffered(): string[] {
    const offered = this.#offers.slice(0, this.#next).map((offer) => offer.label);
    const left = this.#offers.length - this.#next;
    const methods = this.#methods ?? ['publickey'];
    const byPassword = methods.some((method) => method === 'password' || method === 'keyboard-interactive');
    return [
      `offered: ${offered.length === 0 ? 'nothing' : offered.join('; ')}`,
      ...(offered.length === 0 && methods.includes('publickey') ? ['name a key with --identity FILE or identityFile, or start an ssh-agent that holds one'] : []),
      ...(methods.includes('publickey') ? [] : [`the host accepts no keys, only ${printable(methods.join(', '))}`]),
      ...(left > 0 && methods.includes('publickey') ? [`${plural(left, 'more key was', 'more keys were')} not tried, because hosts hang up after a few: name the right one with --identity FILE or identityFile; its .pub file will do`] : []),
      ...(byPassword && !this.#answers.hasPassword ? ['the host takes passwords: --ask-password or --password-file FILE'] : []),
    ];
  }
}

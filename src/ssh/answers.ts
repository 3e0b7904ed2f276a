import type { AnyAuthMethod, Prompt } from 'ssh2';
import { AppError, EXIT } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { LentPassword } from './login-password.ts';
import type { Challenge, ConnectOptions, Credential } from './session.ts';

/** What {@link Answers} needs of the login that it is part of. */
export interface Surroundings {
  /** Does something for which the host's patience counts, and not ours. */
  offTheClock<T>(work: () => Promise<T>): Promise<T>;
  /** Ends the login with this error. */
  giveUp(error: AppError): void;
  /** Aborted when the host hangs up. */
  readonly gone: AbortSignal;
}

type Given = Extract<Credential, { kind: 'answers' }>;

// more rounds of questions than any login has; a host that asks on and on is cut off
const MOST_ROUNDS = 10;
const MOST_QUESTIONS = 10;

/**
 * What one login says beside keys: the password, once, and what a person answers. Nothing of it leaves before the host's
 * key was checked, because no question is asked before.
 */
export class Answers {
  readonly #host: string;
  readonly #user: string;
  readonly #given: Given | undefined;
  readonly #around: Surroundings;
  readonly #tried = new Set<string>();
  #lent: LentPassword | undefined;
  #spent = false;
  #asked = false;
  #waiting = false;
  #rounds = 0;
  #says = '';

  constructor({ host, user, credentials }: Pick<ConnectOptions, 'host' | 'user' | 'credentials'>, around: Surroundings) {
    this.#host = host;
    this.#user = user;
    this.#given = credentials.find((credential) => credential.kind === 'answers');
    this.#around = around;
  }

  /** Whether a password is there, for which a try has to be left. */
  get hasPassword(): boolean {
    return this.#given?.password !== undefined;
  }

  /** Whether a question is open. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Text of the host that comes with its questions. */
  told(text: string): void {
    if (text.trim() !== '') this.#says = `${this.#says}${text}\n`.slice(-4096);
  }

  /** The next thing to try with a host that takes these methods. `keysDo`: it might have taken a key as well. */
  async next(methods: readonly string[], keysDo: boolean): Promise<AnyAuthMethod | undefined> {
    const given = this.#given;
    if (given === undefined || (given.password === undefined && (keysDo || given.ask === undefined))) return undefined;
    if (methods.includes('keyboard-interactive') && !this.#tried.has('keyboard-interactive')) {
      this.#tried.add('keyboard-interactive');
      const prompt = (_name: string, _says: string, _language: string, prompts: Prompt[], finish: (answers: string[]) => void): void => void this.#answer(prompts).then(finish, this.#fail);
      return { type: 'keyboard-interactive', username: this.#user, prompt };
    }
    // once a host: what it has refused as an answer it would refuse as a password
    if (!methods.includes('password') || this.#tried.has('password') || this.#spent || this.#asked) return undefined;
    this.#tried.add('password');
    try {
      const [password] = await this.#answer([{ prompt: 'password: ', echo: false }]);
      return password === undefined ? undefined : { type: 'password', username: this.#user, password };
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** The host took it, or did not. What it took may be wanted again by its next step. */
  settle(accepted: boolean): void {
    this.#lent?.settle(accepted ? 'accepted' : 'refused');
    if (!accepted) return;
    this.#spent = this.#asked = false;
    this.#tried.clear();
  }

  /** The login is over, whatever came of it. */
  end(): void {
    this.#lent?.settle('unknown');
  }

  /** Why the host does not let in somebody who has said something; undefined when nothing was said. */
  refusal(cause: unknown): AppError | undefined {
    if (this.#spent) {
      return this.#error('ssh/password-wrong', `${this.#host} does not accept the password of ${this.#user}`, 'it was tried once: check it, and the login; does the host let this login in with a password at all?', cause);
    }
    return this.#asked ? this.#error('ssh/answer-wrong', `${this.#host} does not accept what ${this.#user} answered`, 'run again; a code can be used once only, and its clock must be right', cause) : undefined;
  }

  readonly #fail = (error: unknown): void => {
    this.#around.giveUp(error instanceof AppError ? error : this.#error('ssh/question-unanswered', `nobody answered what ${this.#host} asked`, 'run again and answer', error));
  };

  async #answer(prompts: readonly Prompt[]): Promise<string[]> {
    const questions = prompts.map(({ prompt, echo }) => ({ text: prompt, echo: echo === true }));
    const challenge = { host: this.#host, user: this.#user, says: this.#says, questions };
    this.#says = '';
    this.#rounds += 1;
    if (this.#rounds > MOST_ROUNDS || questions.length > MOST_QUESTIONS) throw this.#error('ssh/protocol', `${this.#host} asks too many questions`, 'what answers there is no sshd');
    const { gone } = this.#around;
    this.#waiting = true;
    try {
      return await this.#around.offTheClock(() => this.#answerTo(challenge, gone));
    } finally {
      this.#waiting = false;
    }
  }

  async #answerTo(challenge: Challenge, gone: AbortSignal): Promise<string[]> {
    const { questions } = challenge;
    const { password, ask } = this.#given ?? {};
    if (password !== undefined && !this.#spent && questions.length === 1 && questions[0]?.echo === false) {
      this.#lent = await password.lend(this.#host);
      if (gone.aborted) this.#lent.settle('unknown');
      this.#spent = true;
      return [this.#lent.secret.reveal()];
    }
    if (ask === undefined) {
      const words = printable([challenge.says, ...questions.map(({ text }) => text)].join(' ').replace(/\s+/g, ' ').trim()).slice(0, 300);
      throw this.#error('ssh/question-unanswered', `${this.#host} asks ${this.#user} what nobody is there to answer: ${JSON.stringify(words)}`, 'run it at a terminal, or log in with a key or certificate that the host asks nothing more for');
    }
    this.#asked = true;
    const answers = await ask(challenge, gone);
    return answers.map((answer) => answer.reveal());
  }

  #error(code: string, message: string, hint: string, cause?: unknown): AppError {
    return new AppError(code, message, { hint, cause, exit: EXIT.hostsFailed });
  }
}

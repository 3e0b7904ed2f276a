import { AppError, EXIT } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { printable } from '../base/text.ts';
import type { CommandResult } from './session.ts';

/** What to do with the command's stdin now. */
export interface StdinStep {
  readonly write: string;
  readonly end: boolean;
}

const NOTHING: StdinStep = { write: '', end: false };
const MAX_TALK = 64 * 1024;

// Neither text has a line break, `!`, backslash or single quote, so that every login shell reads it as one plain word.
// Root's side says that it runs, and only then becomes the command: what stands before the mark is sudo's.
const AS_ROOT = 'printf %s "$1" >&2; shift; exec "$@"';
const WRAPPER = [
  'm=$1; p=$2; n=$3; r=$4; f=$5; printf %s "$6" >&2; shift 6',
  'if [ "$(id -u)" = 0 ]; then exec sh -c "$r" sh "$m" "$@"; fi',
  'command -v sudo >/dev/null 2>&1 || { printf %s "$n" >&2; exit 127; }',
  'exec sudo "$f" -p "$p" -- env LC_ALL=C sh -c "$r" sh "$m" "$@"',
].join('; ');
// doas has no -S: it asks on a terminal only, and an exec has none
const DOAS_WRAPPER = [
  'm=$1; n=$2; r=$3; printf %s "$4" >&2; shift 4',
  'if [ "$(id -u)" = 0 ]; then exec sh -c "$r" sh "$m" "$@"; fi',
  'command -v doas >/dev/null 2>&1 || { printf %s "$n" >&2; exit 127; }',
  'exec doas -n -- env LC_ALL=C sh -c "$r" sh "$m" "$@"',
].join('; ');

/**
 * One command run as root through sudo or doas, as a dialogue over the stdin and stderr of a single exec. The password is sent
 * only when sudo asks for it, and the command's own stdin only when the command runs: so neither can be taken for the
 * other, whether sudo wants a password (sudoers), does not (NOPASSWD) or did a minute ago (its cache). Nothing depends
 * on sudo's words, which are translated. doas is told not to ask, because it cannot be answered over a pipe: a password
 * is not sent to it.
 */
export class BecomeDialogue {
  readonly argv: readonly string[];
  readonly #host: string;
  readonly #user: string;
  readonly #method: 'sudo' | 'doas';
  readonly #stdin: string;
  readonly #password: Secret<string> | undefined;
  readonly #mark: string;
  readonly #prompt: string;
  readonly #missing: string;
  readonly #begins: string;
  #state: 'waiting' | 'answered' | 'started' | 'wrong-password' | 'talks' = 'waiting';
  #talk = '';

  /** `nonce`: letters and digits that no other output holds. Without a password sudo is told not to ask (`-n`). */
  constructor(options: { host: string; user: string; method?: 'sudo' | 'doas'; argv: readonly string[]; stdin: string; nonce: string; password: Secret<string> | undefined }) {
    this.#host = options.host;
    this.#user = options.user;
    this.#method = options.method ?? 'sudo';
    this.#stdin = options.stdin;
    this.#password = this.#method === 'sudo' ? options.password : undefined;
    this.#mark = `[ensign ${options.nonce} runs]`;
    this.#prompt = `[ensign ${options.nonce} asks]`;
    this.#missing = `[ensign ${options.nonce} no ${this.#method}]`;
    this.#begins = `[ensign ${options.nonce} begins]`;
    const flag = this.#password === undefined ? '-n' : '-S';
    if (this.#method === 'doas') {
      this.argv = ['sh', '-c', DOAS_WRAPPER, 'sh', this.#mark, this.#missing, AS_ROOT, this.#begins, ...options.argv];
      return;
    }
    this.argv = ['sh', '-c', WRAPPER, 'sh', this.#mark, this.#prompt, this.#missing, AS_ROOT, flag, this.#begins, ...options.argv];
    if (this.#password !== undefined && /[\0\r\n]/.test(this.#password.reveal())) {
      throw new AppError('ssh/sudo-password-wrong', 'a sudo password cannot hold a line break');
    }
  }

  /** Whether nobody is going to ask, so that nothing need wait. */
  get unasked(): boolean {
    return this.#password === undefined;
  }

  /** False while sudo may still ask, so that a deadline can be kept. */
  get settled(): boolean {
    return this.#state !== 'waiting' && this.#state !== 'answered';
  }

  /** What is on stdin from the start: without a password nobody asks, and nothing need wait. */
  open(): StdinStep {
    return this.#password === undefined ? { write: this.#stdin, end: true } : NOTHING;
  }

  /** The next piece of stderr, one character a byte. */
  hear(stderr: string): StdinStep {
    if (this.settled) return NOTHING;
    this.#talk += stderr;
    if (this.#talk.includes(this.#mark)) return this.#go('started', this.#password === undefined ? NOTHING : { write: this.#stdin, end: true });
    const asked = this.#talk.split(this.#prompt).length - 1;
    // asked again: the password is wrong, and the next thing sent would be taken for another try
    if (asked > 1) return this.#go('wrong-password', { write: '', end: true });
    if (this.#talk.length > MAX_TALK) return this.#go('talks', { write: '', end: true });
    if (asked === 0 || this.#state === 'answered' || this.#password === undefined) return NOTHING;
    return this.#go('answered', { write: `${this.#password.reveal()}\n`, end: false });
  }

  /**
   * The command's own result, without what sudo said before it.
   * @throws AppError `ssh/no-commands` when the login did something else than what it was told; `ssh/sudo-denied`,
   *   `ssh/sudo-password-needed`, `ssh/sudo-password-wrong`, `ssh/doas-denied`, `ssh/doas-password-needed` when it never ran
   */
  finish(result: CommandResult): CommandResult {
    const start = result.stderr.indexOf(this.#mark);
    if (start !== -1) return { ...result, stderr: result.stderr.slice(start + this.#mark.length) };
    if (result.stderr.includes(this.#missing)) {
      if (this.#method === 'doas') throw this.#failure('ssh/doas-denied', 'doas is not installed', 'install doas there, or write `become: sudo` if it has that');
      throw this.#failure('ssh/sudo-denied', 'sudo is not installed', 'install sudo there, or connect as root with `become: none`');
    }
    if (this.#state === 'wrong-password') {
      throw this.#failure('ssh/sudo-password-wrong', `the sudo password of ${this.#user} is wrong`, 'give the right one; it was tried once');
    }
    if (!result.stderr.includes(this.#begins)) {
      const said = this.#words(`${result.stdout}\n${result.stderr}`);
      throw this.#failure('ssh/no-commands', `the login of ${this.#user} does not run commands${said}`, `its shell or a ForceCommand stands in the way: log in by hand and run "${this.#method} true"`);
    }
    const words = this.#words(result.stderr);
    if (this.#method === 'doas') {
      const hint = `doas asks for passwords on a terminal only: put "permit nopass ${this.#user} as root" into doas.conf there`;
      throw this.#failure('ssh/doas-password-needed', `doas does not let ${this.#user} be root without asking${words}`, hint);
    }
    if (this.#password === undefined) {
      const hint = 'give the sudo password, or allow the login with NOPASSWD in sudoers';
      throw this.#failure('ssh/sudo-password-needed', `sudo does not let ${this.#user} through without a password${words}`, hint);
    }
    const hint = `allow ${this.#user} to run any command as root in sudoers`;
    throw this.#failure('ssh/sudo-denied', `sudo does not let ${this.#user} be root${words}`, hint);
  }

  #go(state: 'answered' | 'started' | 'wrong-password' | 'talks', step: StdinStep): StdinStep {
    this.#state = state;
    return step;
  }

  /** For the reader only, and without anything we sent. */
  #words(stderr: string): string {
    let text = stderr.replaceAll(this.#prompt, '').replaceAll(this.#begins, '');
    if (this.#password !== undefined && this.#password.reveal() !== '') text = text.replaceAll(this.#password.reveal(), '[secret]');
    const lines = text.split('\n').map((line) => printable(line.trim()));
    const last = lines.filter((line) => line !== '').at(-1);
    return last === undefined ? '' : `: ${last.slice(0, 300)}`;
  }

  #failure(code: string, message: string, hint: string): AppError {
    return new AppError(code, `${this.#host}: ${message}`, { hint, exit: EXIT.hostsFailed });
  }
}

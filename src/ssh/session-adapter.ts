import { randomBytes } from 'node:crypto';
import { PassThrough, type Duplex } from 'node:stream';
import { AppError, EXIT } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { PublicKey } from '../wire/public-key.ts';
import { BecomeDialogue, type StdinStep } from './become.ts';
import type { Carrier } from './carrier.ts';
import { quoteArgv } from './quote.ts';
import type { CommandResult, ConnectOptions, DialTarget, HostSession, RunOptions } from './session.ts';
import { lost } from './tcp-adapter.ts';

const COMMAND_TIMEOUT_MS = 300_000;
const SUDO_TIMEOUT_MS = 30_000;

// Into a new file beside the old one (noclobber: a link that waits there is not followed), then over it. A lost
// connection looks like the end of the content, so its length is checked before anything is replaced.
const PUT = [
  'f=$1; t=$1.$4.tmp; umask 077; set -C',
  'if [ -d "$f" ]; then echo "it is a directory" >&2; exit 1; fi',
  'if cat >"$t" && [ "$(wc -c <"$t")" -eq "$3" ] && chmod -- "$2" "$t" && mv -f -- "$t" "$f"; then exit 0; fi',
  'rm -f -- "$t"; exit 1',
].join('; ');

/** A session over a connection that has logged in, whatever carries it. */
export class RemoteSession implements HostSession {
  readonly user: string;
  readonly hostKey: PublicKey;
  readonly #options: ConnectOptions;
  readonly #carrier: Carrier;
  readonly #running = new Set<(error: AppError) => void>();
  #ended: AppError | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectOptions, hostKey: PublicKey, carrier: Carrier) {
    this.user = options.user;
    this.hostKey = hostKey;
    this.#options = options;
    this.#carrier = carrier;
    carrier.onEnd((cause) => this.#end(lost(options.host, cause)));
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const command = argv[0];
    if (command === undefined || command === '' || command.startsWith('-') || command.includes('=')) {
      // env would take it for an option or a variable
      throw new AppError('ssh/quote', `${JSON.stringify(command ?? '')} is not the name of a command`);
    }
    const { become, user } = this.#options;
    if (options.become === true && become !== 'none' && user !== 'root') return this.#runAsRoot(argv, options, become);
    return this.#execute(argv, options.stdin ?? '', options.timeoutMs);
  }

  async putFile(path: string, content: string, mode: number): Promise<void> {
    const bytes = Buffer.byteLength(content);
    const argv = ['sh', '-c', PUT, 'sh', path, mode.toString(8).padStart(4, '0'), `${bytes}`, nonce()];
    const { code, stderr } = await this.run(argv, { stdin: content });
    if (code === 0) return;
    const reason = printable(stderr.trim()).slice(0, 300);
    throw new AppError('ssh/put-failed', `${this.#options.host}: ${JSON.stringify(path)} could not be written${reason === '' ? '' : `: ${reason}`}`, {
      exit: EXIT.hostsFailed,
      hint: `is there a folder for it that ${this.user} may write to, and space left?`,
    });
  }

  dial(target: DialTarget): Promise<Duplex> {
    return this.#ended === undefined ? this.#carrier.dial(target) : Promise.reject(this.#ended);
  }

  close(): Promise<void> {
    this.#end(new AppError('ssh/lost', `the session on ${this.#options.host} was closed`));
    this.#closing ??= this.#carrier.close();
    return this.#closing;
  }

  async #runAsRoot(argv: readonly string[], options: RunOptions, method: 'sudo' | 'doas'): Promise<CommandResult> {
    const { host, user, becomePassword: password } = this.#options;
    const dialogue = new BecomeDialogue({ host, user, method, argv: ['env', 'LC_ALL=C', ...argv], stdin: options.stdin ?? '', nonce: nonce(), password });
    const stdin = new PassThrough();
    const take = (step: StdinStep): void => {
      if (step.write !== '') stdin.write(step.write);
      if (step.end) stdin.end();
    };
    take(dialogue.open());
    const hear = (text: string): void => take(dialogue.hear(text));
    return dialogue.finish(await this.#execute(dialogue.argv, stdin, options.timeoutMs, hear, () => dialogue.settled || dialogue.unasked));
  }

  #execute(argv: readonly string[], stdin: string | PassThrough, timeoutMs = COMMAND_TIMEOUT_MS, onStderr: (text: string) => void = () => undefined, sudoDone?: () => boolean): Promise<CommandResult> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const watch = (stop: (error: AppError) => void): (() => void) => {
      this.#running.add(stop);
      const timer = sudoDone === undefined ? undefined : setTimeout(() => sudoDone() || stop(this.#sudoSilent()), SUDO_TIMEOUT_MS);
      return () => {
        clearTimeout(timer);
        this.#running.delete(stop);
      };
    };
    const command = quoteArgv(['env', 'LC_ALL=C', ...argv]);
    return this.#carrier.execute({ host: this.#options.host, command, stdin, timeoutMs, onStderr, watch });
  }

  /** The first reason stands; every command that still waits gets it. */
  #end(reason: AppError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const stop of [...this.#running]) stop(reason);
  }

  #sudoSilent(): AppError {
    return new AppError('ssh/sudo-denied', `${this.#options.host}: sudo neither ran the command nor asked for a password within ${SUDO_TIMEOUT_MS / 1000} s`, {
      exit: EXIT.hostsFailed,
      hint: 'does it ask for a second factor? ensign can only answer the question for the password',
    });
  }
}

function nonce(): string {
  return randomBytes(8).toString('hex');
}

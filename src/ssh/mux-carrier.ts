import type { Duplex } from 'node:stream';
import type { AppError } from '../base/errors.ts';
import { WireWriter } from '../wire/writer.ts';
import { commandTimedOut, execRefused, GRACE_MS, MAX_OUTPUT, outputTooLarge, type Carrier, type Execution } from './carrier.ts';
import { notForwarded, slowForward } from './forward-failure.ts';
import type { MuxChannel } from './mux-channel.ts';
import type { MuxProxy } from './mux-proxy.ts';
import { MuxStream } from './mux-stream.ts';
import type { CommandResult, DialTarget } from './session.ts';

/** Commands and connections over an `ssh` that has logged in. */
export class MuxCarrier implements Carrier {
  readonly #host: string;
  readonly #proxy: MuxProxy;
  readonly #closeClient: () => Promise<void>;

  /** @param closeClient ends the `ssh` behind the proxy and removes what it left */
  constructor(host: string, proxy: MuxProxy, closeClient: () => Promise<void>) {
    this.#host = host;
    this.#proxy = proxy;
    this.#closeClient = closeClient;
  }

  execute(execution: Execution): Promise<CommandResult> {
    return new Promise((resolve, reject) => new MuxExecution(this.#proxy, execution, resolve, reject).start());
  }

  dial(target: DialTarget): Promise<Duplex> {
    const details = new WireWriter().string(target.address).uint32(target.port).string('127.0.0.1').uint32(0).finish();
    return new Promise((resolve, reject) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        reject(slowForward(this.#host, target));
      }, target.timeoutMs);
      MuxStream.open(this.#proxy, 'direct-tcpip', details).then(
        (stream) => {
          clearTimeout(timer);
          // nobody would ever close it
          if (late) stream.destroy();
          else resolve(stream);
        },
        (cause: unknown) => {
          clearTimeout(timer);
          reject(notForwarded(this.#host, target, cause instanceof Error ? cause : undefined));
        },
      );
    });
  }

  onEnd(listener: (cause?: unknown) => void): void {
    this.#proxy.onEnd(listener);
  }

  async close(): Promise<void> {
    this.#proxy.end();
    await this.#closeClient();
  }
}

/** One command on its channel. */
class MuxExecution {
  readonly #proxy: MuxProxy;
  readonly #execution: Execution;
  readonly #resolve: (result: CommandResult) => void;
  readonly #reject: (error: AppError) => void;
  readonly #stdout: Uint8Array[] = [];
  readonly #stderr: Uint8Array[] = [];
  #bytes = 0;
  #code: number | undefined;
  #signal: string | undefined;
  #channel: MuxChannel | undefined;
  #reason: AppError | undefined;
  #over = false;
  #release: () => void = () => undefined;

  constructor(proxy: MuxProxy, execution: Execution, resolve: (result: CommandResult) => void, reject: (error: AppError) => void) {
    this.#proxy = proxy;
    this.#execution = execution;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const timer = setTimeout(() => this.#stop(commandTimedOut(this.#execution)), this.#execution.timeoutMs);
    const unwatch = this.#execution.watch((error) => this.#stop(error));
    this.#release = () => {
      clearTimeout(timer);
      unwatch();
    };
    this.#run().catch((cause: unknown) => this.#stop(execRefused(this.#execution, cause)));
  }

  async #run(): Promise<void> {
    const channel = await this.#proxy.open('session', new Uint8Array(), (opened) => ({
      data: (chunk, stderr) => this.#hear(opened, chunk, stderr),
      eof: () => undefined,
      request: (name, reader) => {
        if (name === 'exit-status') this.#code = reader.uint32();
        if (name === 'exit-signal') this.#signal = Buffer.from(reader.string()).toString('latin1');
      },
      // a connection that went tells everybody who waits by itself
      closed: (error) => error === undefined && this.#finish(),
    }));
    this.#channel = channel;
    if (this.#reason !== undefined) {
      this.#abandon(channel, this.#reason);
      return;
    }
    if (!(await channel.request('exec', new WireWriter().string(this.#execution.command).finish()))) {
      if (!channel.closed) channel.close();
      throw new Error('the exec request was refused');
    }
    this.#feed(channel);
  }

  #feed(channel: MuxChannel): void {
    const { stdin } = this.#execution;
    if (typeof stdin === 'string') {
      channel.write(Buffer.from(stdin, 'utf8'));
      channel.eof();
      return;
    }
    stdin.on('data', (chunk: Buffer) => {
      stdin.pause();
      channel.write(chunk, () => stdin.resume());
    });
    stdin.on('end', () => channel.eof());
  }

  #hear(channel: MuxChannel, chunk: Uint8Array, stderr: boolean): void {
    // after it is abandoned, what a command still says is let go
    channel.consumed(chunk.length);
    if (this.#over) return;
    this.#bytes += chunk.length;
    (stderr ? this.#stderr : this.#stdout).push(chunk);
    if (this.#bytes > MAX_OUTPUT) this.#stop(outputTooLarge(this.#execution));
    else if (stderr) this.#execution.onStderr(Buffer.from(chunk).toString('latin1'));
  }

  #finish(): void {
    if (this.#over) return;
    this.#settle();
    this.#resolve({ code: this.#code, signal: this.#signal, stdout: decode(this.#stdout), stderr: decode(this.#stderr) });
  }

  #stop(error: AppError): void {
    if (this.#over) return;
    this.#settle();
    this.#reason = error;
    if (this.#channel !== undefined) this.#abandon(this.#channel, error);
    this.#reject(error);
  }

  /** Nobody waits any more: the command is asked to end, and may say for a while how it cleans up. */
  #abandon(channel: MuxChannel, reason: AppError): void {
    if (reason.code === 'ssh/lost') return;
    channel.signal('TERM');
    if (reason.code === 'ssh/timeout') setTimeout(() => channel.close(), GRACE_MS).unref();
    else channel.close();
  }

  #settle(): void {
    this.#over = true;
    this.#release();
  }
}

function decode(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { Transform, type Duplex, type Readable, type Writable } from 'node:stream';
import { AppError } from '../base/errors.ts';
import type { PublicKey } from '../wire/public-key.ts';
import { HandshakeTap, shownHostKey } from './handshake-tap.ts';
import { MuxProxy } from './mux-proxy.ts';

const CLOSE_TIMEOUT_MS = 2_000;
const READY_POLL_MS = 15;
const MAX_WORDS = 16 * 1024;

export interface ClientRun {
  /** `ssh`, or where it is. */
  readonly program: string;
  readonly args: readonly string[];
  /** The connection to the host; belongs to the client from now on. */
  readonly connection: Duplex;
  readonly controlSocket: string;
  /** Decides about the host key, at once; what it throws ends the client. */
  readonly judge: (key: PublicKey) => void;
}

/** How far a client has come, and how it ended: all that can be known without understanding its words. */
export interface ClientEnd {
  /** The program could not be started. */
  readonly notStarted?: NodeJS.ErrnoException;
  /** It has sent its identification line: its configuration is sound. */
  readonly introduced: boolean;
  /** The host has shown a key, and it was accepted. */
  readonly judged: boolean;
  /** What the host said in place of its identification line. */
  readonly excuse: string;
  /** It has agreed to the host's key and what follows is encrypted: the login. */
  readonly encrypted: boolean;
  /** The connection ended, and the client only after it. */
  readonly hungUp: boolean;
  readonly connectionError?: Error;
  /** What it said about itself, and nothing of the host's commands. */
  readonly words: string;
}

/** An `ssh` that logs in over a connection it is given on stdin and stdout, and then shares its session. */
export class OpenSshClient {
  readonly #run: ClientRun;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<void>;
  readonly #fromHost: HandshakeTap;
  readonly #fromClient = new HandshakeTap();
  #refusal: unknown;
  #words = '';
  #notStarted: NodeJS.ErrnoException | undefined;
  #connectionError: Error | undefined;
  #connectionOver = false;
  #hungUp: boolean | undefined;
  #judged = false;
  #gone = false;

  constructor(run: ClientRun) {
    this.#run = run;
    this.#fromHost = new HandshakeTap((payload) => this.#judge(payload));
    // a session of its own: Ctrl-C at the terminal is meant for ensign, which lets hosts come to their end
    this.#child = spawn(run.program, run.args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: { ...process.env, LC_ALL: 'C' } });
    this.#exited = new Promise<void>((resolve) => {
      this.#child.once('error', (error: NodeJS.ErrnoException) => {
        this.#notStarted = error;
        resolve();
      });
      // when its last words are read
      this.#child.once('close', () => resolve());
    }).then(() => {
      this.#gone = true;
      run.connection.destroy();
    });
    this.#bridge();
  }

  /**
   * Waits for the login.
   * @throws what `judge` threw; ClientFailed when the client ends instead; AppError `ssh/library`
   */
  async loggedIn(): Promise<MuxProxy> {
    await this.#listening();
    const socket = connect({ path: this.#run.controlSocket });
    try {
      return await MuxProxy.start(socket);
    } catch (error) {
      socket.destroy();
      if (error instanceof AppError) throw error;
      await this.#exited;
      throw this.#failure();
    }
  }

  /** Ends it, gently first. */
  async close(): Promise<void> {
    if (!this.#gone) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Both directions, read along. */
  #bridge(): void {
    const { connection } = this.#run;
    const { stdin, stdout, stderr } = this.#child;
    const outwards = stdout.pipe(tapped(this.#fromClient, () => true));
    const over = (): void => {
      if (this.#connectionOver) return;
      this.#connectionOver = true;
      stdin.end();
      // it may have more to say than the connection took, and would wait for ever to be rid of it
      outwards.unpipe().resume();
      if (!this.#gone) setTimeout(() => this.#gone || this.#child.kill('SIGTERM'), CLOSE_TIMEOUT_MS).unref();
    };
    const done = (): void => { this.#hungUp ??= this.#connectionOver; };
    connection.on('error', (error) => { this.#connectionError ??= error; });
    connection.on('end', over).on('close', over);
    stdin.on('error', () => undefined);
    stdout.on('error', () => undefined).on('end', done).on('close', done);
    stderr.on('data', (chunk: Buffer) => { this.#words = `${this.#words}${chunk.toString('utf8')}`.slice(-MAX_WORDS); });
    connection.pipe(tapped(this.#fromHost, () => this.#refusal === undefined)).pipe(stdin);
    outwards.pipe(connection);
  }

  #judge(payload: Uint8Array): void {
    const key = this.#refusal === undefined ? shownHostKey(payload) : undefined;
    if (key === undefined) return;
    try {
      this.#run.judge(key);
      this.#judged = true;
    } catch (error) {
      this.#refusal = error;
      this.#child.kill('SIGKILL');
    }
  }

  #listening(): Promise<void> {
    return new Promise((resolve, reject) => {
      // the client makes its socket in one step, when it is in; it tells nobody
      const timer = setInterval(() => {
        if (!existsSync(this.#run.controlSocket)) return;
        clearInterval(timer);
        resolve();
      }, READY_POLL_MS);
      void this.#exited.then(() => {
        clearInterval(timer);
        reject(this.#failure());
      });
    });
  }

  #failure(): Error {
    if (this.#refusal instanceof Error) return this.#refusal;
    return new ClientFailed({
      ...(this.#notStarted === undefined ? {} : { notStarted: this.#notStarted }),
      ...(this.#connectionError === undefined ? {} : { connectionError: this.#connectionError }),
      introduced: this.#fromClient.introduced,
      judged: this.#judged,
      excuse: this.#fromHost.before,
      encrypted: this.#fromClient.encrypted,
      hungUp: this.#hungUp === true,
      words: this.#words,
    });
  }
}

/** A client that ended before it was in. */
export class ClientFailed extends Error {
  readonly end: ClientEnd;

  constructor(end: ClientEnd) {
    super('the ssh client ended');
    this.end = end;
  }
}

/** Lets bytes through, after they were seen, as long as they may pass. */
function tapped(tap: HandshakeTap, mayPass: () => boolean): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      tap.feed(chunk);
      if (mayPass()) done(null, chunk);
      else done();
    },
  });
}

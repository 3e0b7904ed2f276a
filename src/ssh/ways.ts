import type { Clock } from '../base/clock.ts';
import { AppError, EXIT } from '../base/errors.ts';
import type { PublicKey } from '../wire/public-key.ts';
import { Gate } from './gate.ts';
import { again, pauseBefore } from './retry.ts';
import type { ScanOptions, ScanResult } from './scan.ts';
import { CONNECT_TIMEOUT_MS, type Connect, type Dial, type HostSession } from './session.ts';
import { placeOf } from './tcp-adapter.ts';

export type Scan = (options: ScanOptions) => Promise<ScanResult>;

/** How one host is reached: what connects to it and scans it, with everything that is on the way. */
export interface Way {
  readonly connect: Connect;
  readonly scan: Scan;
}

/** A host on the way to others: plain data, by which it is known again. */
export interface Hop {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export interface WaysParts<H extends Hop> {
  readonly clock: Clock;
  readonly wait: (ms: number) => Promise<unknown>;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly connect: Connect;
  readonly scan: Scan;
  /** Logs in to a jump host by its way; `known` is the key that it showed earlier in this run. */
  readonly logIn: (hop: H, way: Way, known: PublicKey | undefined) => Promise<HostSession>;
  readonly gate?: Gate;
}

/** The session to the last jump host of a chain, or why there is none. */
interface Line {
  readonly session: Promise<HostSession>;
  /** Its number of jump hosts. */
  readonly length: number;
  /** When a failure is forgotten, milliseconds since 1970. */
  staleAt: number;
}

// so long a jump host that could not be reached is not asked again, however many hosts are behind it
const COOL_DOWN_MS = 5_000;

/**
 * Every connection of a run goes through here: straight or through a chain of jump hosts, at a gate that keeps sshd's
 * MaxStartups in mind, and anew with jitter where it was dropped before anybody had logged in. A chain has one session,
 * which all hosts behind it share; every connection to a host is a TCP connection of its own, opened by the last jump
 * host. A jump host that refuses us is asked once a run, one that cannot be reached every five seconds at most.
 */
export class Ways<H extends Hop> {
  readonly #parts: WaysParts<H>;
  readonly #gate: Gate;
  readonly #lines = new Map<string, Line>();
  readonly #keys = new Map<string, PublicKey>();
  /** Errors that name their jump host already. */
  readonly #told = new WeakSet<AppError>();

  constructor(parts: WaysParts<H>) {
    this.#parts = parts;
    this.#gate = parts.gate ?? new Gate();
  }

  /** @param jump the jump hosts on the way, the nearest one first */
  to(jump: readonly H[], connect: Connect = this.#parts.connect): Way {
    const { scan } = this.#parts;
    return {
      connect: (options) => this.#reach(jump, options, options.connectTimeoutMs, (dial) => connect({ ...options, ...dial })),
      scan: (options) => this.#reach(jump, options, options.timeoutMs, (dial) => scan({ ...options, ...dial })),
    };
  }

  /** Ends the sessions to all jump hosts, the farthest first. */
  async close(): Promise<void> {
    const lines = [...this.#lines.values()].sort((a, b) => b.length - a.length);
    this.#lines.clear();
    for (const { session } of lines) await session.then((open) => open.close(), () => undefined);
  }

  async #reach<T>(jump: readonly H[], place: { readonly address: string; readonly port: number }, timeoutMs = CONNECT_TIMEOUT_MS, handshake: (through: { readonly dial?: Dial }) => Promise<T>): Promise<T> {
    const door = jump.length === 0 ? placeOf(place) : keyOf(jump);
    let deadlineMs: number | undefined;
    for (let tries = 1; ; tries++) {
      // before the gate: whoever waits for a jump host takes no place there from the one that logs in to it
      const through = jump.length === 0 ? {} : { dial: await this.#dialFrom(jump) };
      try {
        return await this.#gate.run(door, () => {
          deadlineMs ??= this.#parts.clock.nowMs() + timeoutMs;
          return handshake(through);
        });
      } catch (error) {
        const pauseMs = pauseBefore(tries, this.#parts.random());
        if (!again(error, tries) || this.#parts.clock.nowMs() + pauseMs >= (deadlineMs ?? 0)) throw error;
        await this.#parts.wait(pauseMs);
      }
    }
  }

  async #dialFrom(jump: readonly H[]): Promise<Dial> {
    const key = keyOf(jump);
    const line = this.#lineTo(jump, key);
    const session = await line.session;
    return async (target) => {
      try {
        return await session.dial(target);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'ssh/lost') throw error;
        // the next one to come opens it anew
        if (this.#lines.get(key) === line) this.#lines.delete(key);
        throw lostOnTheWay(jump.at(-1)?.name ?? '', error);
      }
    };
  }

  #lineTo(jump: readonly H[], key: string): Line {
    const known = this.#lines.get(key);
    if (known !== undefined && this.#parts.clock.nowMs() < known.staleAt) return known;
    const line: Line = { session: this.#open(jump, key), length: jump.length, staleAt: Number.POSITIVE_INFINITY };
    this.#lines.set(key, line);
    line.session.catch((error: unknown) => {
      // what a person has to mend does not mend itself within a run, and sshd counts failed logins
      if (error instanceof AppError && error.exit === EXIT.unreachable) line.staleAt = this.#parts.clock.nowMs() + COOL_DOWN_MS;
    });
    return line;
  }

  async #open(jump: readonly H[], key: string): Promise<HostSession> {
    const hop = jump.at(-1);
    if (hop === undefined) throw new AppError('ssh/library', 'a chain of no jump hosts has no session');
    try {
      const session = await this.#parts.logIn(hop, this.to(jump.slice(0, -1)), this.#keys.get(key));
      this.#keys.set(key, session.hostKey);
      return session;
    } catch (error) {
      throw this.#named(hop, error);
    }
  }

  #named(hop: H, error: unknown): unknown {
    if (!(error instanceof AppError) || this.#told.has(error)) return error;
    const { code, message, hint, exit, at, cause } = error;
    const named = new AppError(code, `jump host ${hop.name}: ${message}`, { hint, exit, at, cause });
    this.#told.add(named);
    return named;
  }
}

function keyOf(jump: readonly Hop[]): string {
  return JSON.stringify(jump);
}

function lostOnTheWay(name: string, cause: AppError): AppError {
  return new AppError('ssh/jump-lost', `the connection to jump host ${name} was lost`, {
    cause,
    exit: EXIT.unreachable,
    hint: 'it was restarted, or the network between is down; what was running behind it may have finished or not',
  });
}

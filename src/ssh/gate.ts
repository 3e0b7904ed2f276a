import pLimit, { type LimitFunction } from 'p-limit';

export interface GateLimits {
  /** Handshakes under way at once, to all hosts together. */
  readonly overall: number;
  /** The same through one door: to one host, or through one jump host. */
  readonly perDoor: number;
}

// sshd begins to drop at ten that have not logged in yet (MaxStartups 10:30:100), and others connect as well
const LIMITS: GateLimits = { overall: 50, perDoor: 8 };

/** Lets so many handshakes through at once. A handshake must not wait for another one inside. */
export class Gate {
  readonly #overall: LimitFunction;
  readonly #perDoor: number;
  readonly #doors = new Map<string, LimitFunction>();

  constructor(limits: GateLimits = LIMITS) {
    this.#overall = pLimit(limits.overall);
    this.#perDoor = limits.perDoor;
  }

  /** Who waits at a door takes no place from those at other doors. */
  async run<T>(door: string, handshake: () => Promise<T>): Promise<T> {
    const limit = this.#doors.get(door) ?? pLimit(this.#perDoor);
    this.#doors.set(door, limit);
    try {
      return await limit(() => this.#overall(handshake));
    } finally {
      if (limit.activeCount === 0 && limit.pendingCount === 0) this.#doors.delete(door);
    }
  }
}

import type { PublicKey } from '../wire/public-key.ts';
import type { EffectiveConfig } from '../sshd/effective.ts';
import type { OpenSshVersion } from '../sshd/version.ts';

/** A regular file as the probe saw it. `path` is where it really is, symbolic links resolved. */
export interface FileFacts {
  readonly path: string;
  readonly mode: string;
  /** numeric `uid:gid` */
  readonly owner: string;
  readonly sha256: string;
  /** Undefined when the file is not text, or longer than 64 KiB. */
  readonly text: string | undefined;
}

/** A host key that sshd is configured to use. */
export interface HostKeyFacts {
  readonly path: string;
  /** Undefined when the private key could not be read; `problem` says why. */
  readonly key: PublicKey | undefined;
  readonly problem: string | undefined;
}

export type TransactionState = 'armed' | 'rolling-back' | 'rolled-back' | 'confirmed' | 'staging';

/** What is left of a transaction on the host. */
export interface TransactionFacts {
  readonly id: string;
  readonly state: TransactionState;
  /** Unix seconds at which the watchdog undoes it. */
  readonly deadline: number | undefined;
  /** Why it was rolled back, in the host's words. */
  readonly reason: string | undefined;
}

/** Neither confirmed nor undone: files on the host may be half of a change. */
export function isOpen({ state }: TransactionFacts): boolean {
  return state === 'armed' || state === 'rolling-back';
}

/** Open although its watchdog should have undone it: abandoned, and the next change has it undone first. */
export function isAbandoned(transaction: TransactionFacts, clock: number): boolean {
  return isOpen(transaction) && transaction.deadline !== undefined && transaction.deadline < clock;
}

/** How sshd reads its configuration again. */
export type ReloadMethod =
  | { readonly kind: 'systemd'; readonly unit: string }
  | { readonly kind: 'signal'; readonly pid: number }
  /** A socket starts one sshd a connection: nothing runs that could hold an old configuration. */
  | { readonly kind: 'socket' };

/** What one probe observed. Everything that `planHost` may know of a host. */
export interface HostFacts {
  /** Unix seconds on the operator's clock, when the probe answered. */
  readonly observedAt: number;
  /** Unix seconds on the host's clock. */
  readonly clock: number;
  readonly hostname: string;
  readonly fqdn: string | undefined;
  readonly os: string;
  /** True when the probe ran as root. */
  readonly root: boolean;
  /** The login of the session that probed. */
  readonly operator: string;
  readonly sshdPath: string;
  readonly version: OpenSshVersion | undefined;
  /** Words of the running listener's command line behind the program; undefined when the listener was not found. */
  readonly listenerArguments: readonly string[] | undefined;
  /** `CLIENT PORT SERVER PORT` of the probing connection, as SSH_CONNECTION has it; '' when unknown. */
  readonly connection: string;
  readonly sshdTest: { readonly exit: number; readonly stderr: readonly string[] };
  readonly effective: EffectiveConfig;
  /** login -> what `sshd -T -C user=login,...` prints for it */
  readonly effectiveFor: ReadonlyMap<string, EffectiveConfig>;
  /** login -> its login shell; a login that the host does not have is not in here */
  readonly accounts: ReadonlyMap<string, string>;
  readonly hostKeys: readonly HostKeyFacts[];
  /** Keyed by the path that was asked for, before links were resolved. */
  readonly files: ReadonlyMap<string, FileFacts>;
  readonly directories: ReadonlySet<string>;
  readonly writable: boolean;
  /** Free KiB and free inodes of the fullest file system that a change touches; undefined when df did not say. */
  readonly freeKib: number | undefined;
  readonly freeInodes: number | undefined;
  readonly selinux: string | undefined;
  readonly systemd: boolean;
  readonly reload: ReloadMethod | undefined;
  /** True where systemd holds the listening socket: `Port` and `ListenAddress` of sshd then count for nothing. */
  readonly socketActivated: boolean;
  readonly tools: ReadonlySet<string>;
  /** Who holds the lock and why; undefined when it is free. */
  readonly lock: string | undefined;
  readonly transactions: readonly TransactionFacts[];
}

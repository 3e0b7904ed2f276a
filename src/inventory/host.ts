import type { Seconds } from '../base/duration.ts';
import type { SourceLocation } from '../base/errors.ts';

export type Become = 'none' | 'sudo' | 'doas';
/** What carries a session: node-ssh, or the stock client with the user's ssh_config and hardware keys. */
export type Transport = 'node-ssh' | 'openssh';
/** How a host key is trusted that no host certificate vouches for. */
export type FirstContact = 'known-hosts' | 'pinned' | 'accept-new';

/** One host on the way to another, which is connected to over SSH and opens the connection to the next. */
export interface JumpHost {
  /** Its name where it is a host of the inventory, else its address: what its host certificate vouches for. */
  readonly name: string;
  /** A name or an address, without brackets and port. */
  readonly address: string;
  readonly port: number;
  readonly user: string | undefined;
  /** Absolute path; `~/` is expanded. */
  readonly identityFile: string | undefined;
  readonly agent: boolean;
  readonly firstContact: FirstContact;
  /** `SHA256:...`, present exactly when `firstContact` is `pinned`. */
  readonly hostKey: string | undefined;
  readonly connectTimeout: Seconds | undefined;
}

/** One validated inventory entry: defaults < outer groups < inner groups < host already applied. Read-only. */
export interface Host {
  /** `environment/name`. */
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  /** Where to connect: the name unless the inventory says otherwise. No brackets, no port. */
  readonly address: string;
  readonly port: number;
  readonly user: string | undefined;
  /** Absolute path; `~/` is expanded. */
  readonly identityFile: string | undefined;
  /** Whether an ssh-agent may be used: for all its keys, or beside `identityFile` for that one. */
  readonly agent: boolean;
  readonly become: Become;
  readonly transport: Transport;
  /** Jump hosts on the way there, the one nearest to the operator first. */
  readonly jump: readonly JumpHost[];
  /** Principals of the host certificate: inventory name, address, extra names. Literal, unique, in this order. */
  readonly names: readonly string[];
  /** First label of the name where no other host of the inventory could mean it; not in `names`. */
  readonly shortName: string | undefined;
  readonly firstContact: FirstContact;
  /** `SHA256:...`, present exactly when `firstContact` is `pinned`. */
  readonly hostKey: string | undefined;
  /** Login on the host -> principals that may use it, unscoped as written. */
  readonly logins: ReadonlyMap<string, readonly string[]>;
  /** The group it stands under first, then those it joins, then the outer groups that these are part of. */
  readonly groups: readonly string[];
  /** CA profile of its host certificate. */
  readonly profile: string;
  /** How long a connection may take to come about; undefined leaves it to the connection. */
  readonly connectTimeout: Seconds | undefined;
  readonly at: SourceLocation;
}

export interface Inventory {
  readonly file: string;
  readonly environment: string;
  /** In the order of the file, never empty. */
  readonly hosts: readonly Host[];
  /** Group -> how many of its hosts may be worked on at once. Groups without a limit are not in it. */
  readonly concurrency: ReadonlyMap<string, number>;
}

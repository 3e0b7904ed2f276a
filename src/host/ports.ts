import type { Clock } from '../base/clock.ts';
import type { PublicKey } from '../wire/public-key.ts';
import type { Certificate } from '../wire/certificate.ts';
import type { Credential, HostSession } from '../ssh/session.ts';
import type { ScanResult } from '../ssh/scan.ts';

/** A certificate as issued: its line for a file, and its fields. */
export interface Issued {
  readonly line: string;
  readonly certificate: Certificate;
}

/** What a change of one host needs of the authority. */
export interface Issuer {
  /** Host certificates for these keys of one host, in the order given. */
  hostCertificates(hostId: string, keys: readonly PublicKey[], names: readonly string[]): Promise<readonly Issued[]>;
  /** A user certificate of minutes with a key made for it, for one principal. */
  proofCredential(hostId: string, principal: string): Promise<Extract<Credential, { kind: 'certificate' }>>;
  /** Names and keys among these that belong to another host. */
  conflicts(hostId: string, names: readonly string[], keys: readonly PublicKey[]): Promise<readonly Conflict[]>;
}

export interface Conflict {
  readonly kind: 'name' | 'key';
  /** The name, or the key's fingerprint. */
  readonly value: string;
  readonly heldBy: string;
}

/** Everything outside that the change of one host uses; one set a host. */
export interface HostPorts {
  readonly clock: Clock;
  /** That many unpredictable bytes, in hex. */
  readonly hex: (bytes: number) => string;
  readonly wait: (ms: number) => Promise<void>;
  /**
   * A new connection as the operator. Without a key the host's key is judged as the inventory says; with one, only
   * exactly that key is accepted.
   */
  readonly connect: (hostKey?: PublicKey) => Promise<HostSession>;
  /** A new connection as a login, with nothing but this certificate. */
  readonly connectAs: (login: string, credential: Credential, hostKey: PublicKey) => Promise<HostSession>;
  /** What the host serves to anybody who asks for a certificate of these algorithms first. */
  readonly scan: (algorithms: readonly string[]) => Promise<ScanResult>;
  readonly issuer: Issuer;
  /** What is being done now, in a few words; for a person who waits. */
  readonly progress: (step: string) => void;
}

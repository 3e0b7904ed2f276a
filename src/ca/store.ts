import type { Purpose } from './authority.ts';

/** One line of the ledger as it is kept: the exact text that was hashed, and its hash. */
export interface StoredRecord {
  readonly seq: number;
  readonly body: string;
  /** Hex SHA-256, see ledger.ts. */
  readonly hash: string;
}

/** The newest record, signed by an authority. */
export interface SignedHead {
  readonly seq: number;
  readonly hash: string;
  /** `SHA256:` fingerprint of the key that signed. */
  readonly authority: string;
  /** SSH signature blob, base64. */
  readonly signature: string;
}

export interface StoredCertificate {
  /** 16 hex digits. */
  readonly serial: string;
  /** The ledger record that tells of it. */
  readonly seq: number;
  readonly hostId: string | null;
  /** Whole seconds since 1970. */
  readonly validBefore: number;
  readonly line: string;
}

export interface StoredClaim {
  readonly kind: 'name' | 'key';
  readonly value: string;
  readonly hostId: string;
  /** Whole seconds since 1970. */
  readonly since: number;
}

export interface StoredAuthority {
  readonly purpose: Purpose;
  readonly fingerprint: string;
  /** Whole seconds since 1970. */
  readonly createdAt: number;
}

export interface StoreReader {
  /** Records after `seq`, oldest first. */
  records(after: number, limit: number): Promise<StoredRecord[]>;
  lastRecord(): Promise<StoredRecord | undefined>;
  signedHead(): Promise<SignedHead | undefined>;
  /** Certificates by the number of the record that tells of them. */
  serials(afterSeq: number, upToSeq: number): Promise<StoredCertificate[]>;
  certificatesOfHost(hostId: string): Promise<StoredCertificate[]>;
  /** Who holds these, where somebody does. */
  claims(of: readonly Pick<StoredClaim, 'kind' | 'value'>[]): Promise<StoredClaim[]>;
  claimsOfHost(hostId: string): Promise<StoredClaim[]>;
  authorities(): Promise<StoredAuthority[]>;
}

export interface StoreWriter extends StoreReader {
  append(record: StoredRecord): Promise<void>;
  setSignedHead(head: SignedHead): Promise<void>;
  /** @throws AppError `ca/serial-repeated` */
  addCertificate(certificate: StoredCertificate): Promise<void>;
  addClaims(claims: readonly StoredClaim[]): Promise<void>;
  removeClaimsOfHost(hostId: string): Promise<void>;
  addAuthority(authority: StoredAuthority): Promise<void>;
}

/**
 * Where an organization's CA keeps what it did. Several processes may use one store at the same time: a write waits
 * for the one before it, sees all it did, and is on disk when it returns, whole or not at all.
 */
export interface Store {
  /** One consistent view. */
  read<T>(work: (store: StoreReader) => Promise<T>): Promise<T>;
  /** One transaction: nothing remains of it when `work` throws. */
  write<T>(work: (store: StoreWriter) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

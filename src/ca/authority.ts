import type { PublicKey } from '../wire/public-key.ts';

/** What an authority vouches for. One key never serves both: a host certificate must not be able to log anybody in. */
export type Purpose = 'user' | 'host';
export const PURPOSES: readonly Purpose[] = ['user', 'host'];

/** One CA key pair as the rest of the world sees it. */
export interface Authority {
  readonly purpose: Purpose;
  readonly publicKey: PublicKey;
  /** `SHA256:...`, as ssh-keygen prints it. */
  readonly fingerprint: string;
  /** Whole seconds since 1970. No certificate of this authority is valid before it. */
  readonly createdAt: number;
}

/** Something that holds a private key and signs with it: a key file, or an ssh-agent in front of a token. */
export interface Signer {
  readonly publicKey: PublicKey;
  /** Returns an SSH signature blob: string algorithm, string signature (RFC 4253 section 6.6). */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

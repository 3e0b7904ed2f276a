import type { HostFacts } from './facts.ts';
import type { PublicKey } from '../wire/public-key.ts';
import type { Certificate } from '../wire/certificate.ts';
import type { Directive } from '../sshd/drop-in.ts';

/** One intended edit of a file, as data. `before` and `after` are whole texts; undefined means that there is no file. */
export interface FileChange {
  readonly kind: 'file';
  readonly path: string;
  readonly before: string | undefined;
  /** SHA-256 of what is there, or undefined for no file: the host refuses when it finds something else. */
  readonly beforeSha256: string | undefined;
  readonly after: string | undefined;
  /** Octal digits, as chmod takes them. */
  readonly mode: string;
  readonly why: string;
}

/** A certificate that has to be issued for a host key, and the file it goes to. Its bytes exist only after issuing. */
export interface CertificateChange {
  readonly kind: 'certificate';
  readonly path: string;
  readonly beforeSha256: string | undefined;
  readonly before: Certificate | undefined;
  readonly keyPath: string;
  readonly key: PublicKey;
  readonly names: readonly string[];
  readonly why: string;
}

export type Change = FileChange | CertificateChange;

/** Why a host must not be changed; nothing is done to it. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Something worth knowing that stops nothing. */
export interface Notice {
  readonly code: string;
  readonly message: string;
}

/** A pure function of facts and spec. With refusals it must not be applied; without changes there is nothing to do. */
export interface HostPlan {
  readonly facts: HostFacts;
  readonly changes: readonly Change[];
  /** Folders to make, parents first. */
  readonly directories: readonly { readonly path: string; readonly mode: string }[];
  /** What sshd must say afterwards, for every login that is looked at. */
  readonly directives: readonly Directive[];
  /** Certificate files that sshd serves afterwards, the one that is proved first at the front. */
  readonly served: readonly { readonly path: string; readonly key: PublicKey }[];
  /** Logins that the proof can and should log in to by certificate, each with one principal. */
  readonly provable: readonly { readonly login: string; readonly principal: string }[];
  readonly refusals: readonly Refusal[];
  readonly notices: readonly Notice[];
}

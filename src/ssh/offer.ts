import type { Certificate } from '../wire/certificate.ts';

/** One key or certificate that a login can offer: RFC 4252 section 7. */
export interface Offer {
  /** The public key algorithm of the request, `rsa-sha2-512-cert-v01@openssh.com` for example. */
  readonly algorithm: string;
  /** The key or certificate itself. */
  readonly blob: Uint8Array;
  /** For messages: fingerprint and where the key is from. */
  readonly label: string;
  /** Gives an SSH signature blob. */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /** Called when a host has let it in. */
  worked(): void;
}

/** An offer with what decides about its place. */
export interface Ranked {
  readonly offer: Offer;
  /** What it is, unless it is a plain key. */
  readonly certificate: Certificate | undefined;
  /** The user has named it, or keeps it among the own keys. */
  readonly preferred: boolean;
  /** How many hosts it has opened in this run. */
  readonly times: number;
}

/**
 * The offers in the order in which hosts shall see them, without repeats and without host certificates, which open
 * nothing. Pure; where nothing else decides, the order stays.
 */
export function inOrder(ranked: readonly Ranked[], nowSeconds: number): Offer[] {
  const useful = ranked.filter(({ certificate }) => certificate?.type !== 'host');
  const sorted = [...useful].sort((a, b) => b.times - a.times || place(a, nowSeconds) - place(b, nowSeconds));
  const offers = sorted.map(({ offer, certificate }) => (certificate === undefined || isValid(certificate, nowSeconds) ? offer : { ...offer, label: `${offer.label}, not valid now` }));
  return offers.filter((offer, i) => offers.findIndex((other) => Buffer.compare(other.blob, offer.blob) === 0) === i);
}

function place({ certificate, preferred }: Ranked, now: number): number {
  // the last place and not none: it may be our own clock that is wrong
  if (certificate !== undefined) return isValid(certificate, now) ? 0 : 3;
  return preferred ? 1 : 2;
}

function isValid({ validAfter, validBefore }: Certificate, now: number): boolean {
  return validAfter <= BigInt(now) && BigInt(now) < validBefore;
}

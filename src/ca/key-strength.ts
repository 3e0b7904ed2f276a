import { AppError } from '../base/errors.ts';
import { toKeyObject } from '../wire/key-object.ts';
import { rsaBits, type PublicKey } from '../wire/public-key.ts';

const SUBJECT_RSA_BITS = 2048;
const AUTHORITY_RSA_BITS = 3072;
/** RSA beyond this is slow enough to be used against the machine that verifies (sshbuf-getput-crypto.c has this limit, too). */
const LONGEST_RSA_BITS = 16_384;

/** Why a key must not be certified, as the end of a sentence; undefined when it may. Unknown kinds are for another rule. */
export function subjectKeyProblem(key: PublicKey): string | undefined {
  if (key.kind === 'unknown') return undefined;
  if (key.kind === 'rsa') {
    const problem = rsaProblem(key, SUBJECT_RSA_BITS);
    if (problem !== undefined) return problem;
  }
  return usable(key) ? undefined : 'is malformed: OpenSSL refuses it';
}

/** Why a key must not be an authority; undefined when it may. */
export function authorityKeyProblem(key: PublicKey): string | undefined {
  switch (key.kind) {
    case 'ed25519':
      return undefined;
    case 'ecdsa':
      return key.curve === 'nistp256' || key.curve === 'nistp384' ? undefined : `is on the curve ${key.curve}: use Ed25519, or ECDSA on nistp256 or nistp384`;
    case 'rsa':
      return rsaProblem(key, AUTHORITY_RSA_BITS);
    case 'sk-ed25519':
    case 'sk-ecdsa':
    case 'unknown':
      return `is of type ${key.type}: use Ed25519, ECDSA (nistp256, nistp384) or RSA of at least ${AUTHORITY_RSA_BITS} bits`;
  }
}

function rsaProblem(key: Extract<PublicKey, { kind: 'rsa' }>, fewest: number): string | undefined {
  const bits = rsaBits(key);
  if (bits < fewest) return `has ${bits} bits: RSA keys need at least ${fewest}`;
  if (bits > LONGEST_RSA_BITS) return `has ${bits} bits: RSA keys have at most ${LONGEST_RSA_BITS}`;
  // FIPS 186-5: odd, 2^16 < e < 2^256
  if (key.e.length < 3 || key.e.length > 32 || (key.e.at(-1) ?? 0) % 2 === 0) return 'has an RSA exponent that is even, less than 65537 or huge: make a new key';
  return (key.n.at(-1) ?? 0) % 2 === 0 ? 'has an even RSA modulus: it is no key' : undefined;
}

function usable(key: PublicKey): boolean {
  // OpenSSL takes any 32 bytes, too, but needs as long as for half a signature to say so
  if (key.kind === 'ed25519') return key.point.length === 32;
  try {
    toKeyObject(key);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

import type { Comparison, OracleName } from './differential.ts';

/**
 * Where ensign decides otherwise than OpenSSH, on purpose. docs/fuzzing.md shows this list; whatever differs and is not in it
 * is a mistake of ours, or a line that is missing here with its reason.
 */
export interface Difference {
  readonly oracle: OracleName;
  readonly name: string;
  /** `stricter`: ensign refuses what OpenSSH accepts; `laxer`: the other way. */
  readonly kind: 'stricter' | 'laxer';
  readonly reason: string;
  covers(comparison: Comparison): boolean;
}

const ourCode = (...codes: readonly string[]) => ({ ours }: Comparison): boolean => codes.includes(ours);

export const DIFFERENCES: readonly Difference[] = [
  {
    oracle: 'certificate', name: 'text-that-is-none', kind: 'stricter', covers: ourCode('wire/bad-text'),
    reason: 'a key id, principal or option that is not UTF-8, or holds a NUL, cannot be shown, logged or compared as what it is',
  },
  {
    oracle: 'certificate', name: 'unknown-critical-option', kind: 'stricter', covers: ourCode('wire/unknown-critical-option'),
    reason: '`ssh-keygen -L` shows it; sshd refuses the login, as PROTOCOL.certkeys demands',
  },
  {
    oracle: 'certificate', name: 'option-order', kind: 'stricter', covers: ourCode('wire/option-order'),
    reason: 'PROTOCOL.certkeys wants options in order and each once; OpenSSH does not look, and the last of two would count',
  },
  {
    oracle: 'certificate', name: 'option-value', kind: 'stricter', covers: ourCode('wire/bad-option'),
    reason: 'a flag with a value, or a force-command without one, means something only to whoever reads it wrongly',
  },
  {
    oracle: 'certificate', name: 'empty-principal', kind: 'stricter', covers: ourCode('wire/bad-principal'),
    reason: 'an empty name is nobody, and in a list it looks like none',
  },
  {
    oracle: 'certificate', name: 'rsa-numbers', kind: 'stricter', covers: ourCode('wire/non-canonical-integer', 'wire/bad-key'),
    reason: 'integers with needless zeros, even moduli, exponents of 0, 1 or beyond the modulus: no generator makes them, and two spellings of one key would not compare equal',
  },
  {
    oracle: 'certificate', name: 'signature-spelling', kind: 'stricter', covers: ourCode('wire/bad-signature-length', 'wire/signature-algorithm'),
    reason: 'RSA signatures have the length of the modulus; OpenSSH pads shorter ones. SHA-1 (`ssh-rsa`) counts for nothing',
  },
  {
    oracle: 'certificate', name: 'hardware-authority', kind: 'stricter', covers: ({ ours, input }) => ours === 'wire/bad-signature' && Buffer.from(input).includes('sk-'),
    reason: 'certificates by a key on hardware (sk-*) are read, but their signature covers more than the data and is not verified',
  },
  {
    oracle: 'public-key', name: 'rsa-numbers', kind: 'stricter', covers: ourCode('wire/non-canonical-integer', 'wire/bad-key'),
    reason: 'as in certificates',
  },
  {
    oracle: 'public-key', name: 'text-that-is-none', kind: 'stricter', covers: ourCode('wire/bad-text'),
    reason: 'an application of a hardware key that is not UTF-8 or holds a NUL',
  },
  {
    oracle: 'public-key', name: 'certificate-as-key', kind: 'stricter', covers: ourCode('wire/certificate-as-key'),
    reason: 'attacks row 10: where a plain key belongs, a certificate is refused; `ssh-keygen -l` prints its fingerprint',
  },
  {
    oracle: 'public-key', name: 'rsa-under-other-names', kind: 'stricter', covers: ({ ours, about }) => ours === 'unknown' && /^rsa-sha2-(256|512)$/.test(about),
    reason: 'OpenSSH takes the names of signature algorithms for the type ssh-rsa; RFC 8332 forbids them in keys, and here they are of an unknown type',
  },
  {
    oracle: 'public-key', name: 'unknown-type', kind: 'laxer', covers: ourCode('unknown'),
    reason: 'a key of a type that is not known can be named and compared, so that a newer known_hosts is not mutilated; it verifies nothing and certifies nothing',
  },
  {
    oracle: 'convincing', name: 'unreadable', kind: 'stricter', covers: ourCode('wire/bad-text', 'wire/option-order', 'wire/bad-option', 'wire/bad-principal'),
    reason: 'as in certificates',
  },
  {
    oracle: 'convincing', name: 'unknown-critical-option', kind: 'stricter', covers: ourCode('wire/unknown-critical-option'),
    reason: '`ssh-keygen -Y verify` looks at no critical option; sshd refuses the login',
  },
  {
    oracle: 'private-key', name: 'numbers-that-do-not-fit', kind: 'stricter', covers: ourCode('ssh/key-unreadable', 'ssh/key-passphrase-wrong'),
    reason: 'a key is tried once when it is opened; `ssh-keygen -y` prints the public half of a pair that cannot sign. ssh2 also refuses harmless bytes behind the end',
  },
  {
    oracle: 'private-key', name: 'no-newline-at-the-end', kind: 'laxer', covers: ({ ours, about }) => ours.startsWith('accepts') && /-----END [A-Z ]+PRIVATE KEY-----(?!\r?\n)/.test(about),
    reason: 'ssh refuses a key file whose last newline was lost on a clipboard; nothing in the key depends on it',
  },
  {
    oracle: 'include', name: 'inside-a-match', kind: 'stricter', covers: ourCode('scoped'),
    reason: 'a drop-in that sshd reads only inside a Match block is not relied on, whether it would count for this connection or not',
  },
];

/** True when both came to the same: accepted with the same result, or refused for whatever reason. */
export function agree({ oracle, ours, openssh }: Comparison): boolean {
  if (oracle === 'known_hosts' || oracle === 'include') return ours === openssh;
  return ours.startsWith('accepts') === (openssh !== 'refuses') && (!ours.startsWith('accepts ') || ours === openssh);
}

/** The line of the list that explains a disagreement. */
export function differenceOf(comparison: Comparison): Difference | undefined {
  const stricter = comparison.openssh !== 'refuses' && !comparison.ours.startsWith('accepts');
  return DIFFERENCES.find((d) => d.oracle === comparison.oracle && (d.kind === 'stricter') === stricter && d.covers(comparison));
}

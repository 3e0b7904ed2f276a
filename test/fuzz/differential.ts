import { AppError } from '../../src/base/errors.ts';
import { MOST_ROUNDS, readKeyHeader } from '../../src/ssh/key-header.ts';
import { parsePrivateKey } from '../../src/ssh/key-file-adapter.ts';
import { Secret } from '../../src/base/secret.ts';
import { parseKnownHosts } from '../../src/ssh/known-hosts.ts';
import { hostString } from '../../src/ssh/known-hosts-field.ts';
import { includeReach } from '../../src/sshd/config-text.ts';
import { decodeCertificate, encodeToBeSigned } from '../../src/wire/certificate.ts';
import { checkCertificate } from '../../src/wire/check-certificate.ts';
import { decodePublicKey, encodePublicKey, fingerprint, formatPublicKeyLine } from '../../src/wire/public-key.ts';
import { signData, verifySignature } from '../../src/wire/signature.ts';
import { WireWriter } from '../../src/wire/writer.ts';
import { AUTHORITY, SUBJECT } from './keys.ts';
import { OpenSsh } from './oracle.ts';
import { Random } from './random.ts';
import { allTargets, inputOf } from './targets.ts';
import { LOOKUPS, PASSPHRASE } from './targets/ssh.ts';
import { textOf, type Target } from './target.ts';

/** One input, and what both made of it. `ours` is `accepts`, or why not. */
export interface Comparison {
  readonly oracle: OracleName;
  readonly input: Uint8Array;
  readonly ours: string;
  readonly openssh: string;
  /** What else a rule may want to know of the input. */
  readonly about: string;
}

export const ORACLES = ['certificate', 'public-key', 'convincing', 'known_hosts', 'private-key', 'include'] as const;
export type OracleName = (typeof ORACLES)[number];

const NOW = 1_800_000_000;
// ssh-keygen answers for so many certificates or keys at once
const BATCH = 500;

/** Compares `count` inputs of a seed with what the installed OpenSSH says of the same bytes; gives all of them. */
export function compare(oracle: OracleName, seed: number, count: number): Comparison[] {
  const openssh = new OpenSsh();
  try {
    return COMPARE[oracle](openssh, seed, count);
  } finally {
    openssh.close();
  }
}

const COMPARE: Readonly<Record<OracleName, (openssh: OpenSsh, seed: number, count: number) => Comparison[]>> = {
  certificate(openssh, seed, count) {
    const inputs = mutated('certificate', seed, count);
    const theirs = batches(inputs.map(lineOf), (lines) => openssh.certificates(lines));
    return inputs.map((input, i) => ({ oracle: 'certificate', input, about: typeOf(input), ours: verdictOf(() => readCertificate(input)), openssh: theirs[i] === true ? 'accepts' : 'refuses' }));
  },

  'public-key'(openssh, seed, count) {
    const inputs = mutated('public-key', seed, count);
    const theirs = batches(inputs.map(lineOf), (lines) => openssh.fingerprints(lines));
    return inputs.map((input, i) => {
      let ours = 'accepts';
      const verdict = verdictOf(() => {
        const key = decodePublicKey(input);
        ours = key.kind === 'unknown' ? 'unknown' : `accepts ${fingerprint(key)}`;
      });
      return { oracle: 'public-key', input, about: typeOf(input), ours: verdict === 'accepts' ? ours : verdict, openssh: theirs[i] === undefined ? 'refuses' : `accepts ${theirs[i]}` };
    });
  },

  convincing(openssh, seed, count) {
    // seeds for the fixed subject, so that somebody can sign with what was changed
    const target = certificateFor(seed);
    // with another subject in it, the signature that is made with it could not fit
    const inputs = Array.from({ length: count }, (_, i) => inputOf(target, seed, i)).filter((input) => Buffer.from(input).includes(Buffer.from(encodePublicKey(SUBJECT.key).subarray(-32))));
    return inputs.map((input) => ({
      oracle: 'convincing',
      input,
      about: criticalOptionsOf(input),
      ours: verdictOf(() => checkCertificate(decodeCertificate(input), { type: 'user', authorities: [AUTHORITY.key], principal: 'deploy', nowSeconds: Math.floor(Date.now() / 1000) })),
      openssh: openssh.convinces(input, 'deploy') ? 'accepts' : 'refuses',
    }));
  },

  known_hosts(openssh, seed, count) {
    return mutated('known_hosts', seed, count).map((input, i) => {
      const text = Buffer.from(input).toString('latin1');
      const [name, port] = LOOKUPS[i % LOOKUPS.length] ?? ['web', 22];
      const ours = parseKnownHosts(text, 'kh').lookup(name, port).map((entry) => entry.at.line);
      const theirs = openssh.linesFor(text, hostString(name, port));
      // about: the lines that only one of them takes
      const differing = text.split('\n').filter((_line, l) => ours.includes(l + 1) !== theirs.includes(l + 1));
      return { oracle: 'known_hosts', input, about: differing.join('\n'), ours: `lines ${ours.join(' ')}`, openssh: `lines ${theirs.join(' ')}` };
    });
  },

  'private-key'(openssh, seed, count) {
    return mutated('private-key', seed, count).map((input) => {
      let half = '';
      const verdict = verdictOf(() => {
        half = formatPublicKeyLine(parsePrivateKey(textOf(input), 'key', new Secret(PASSPHRASE)).publicKey);
      });
      // a file that asks for a million rounds keeps ssh-keygen busy for an hour
      const theirs = asksForTooMuch(input) ? undefined : openssh.publicHalf(textOf(input), PASSPHRASE);
      return { oracle: 'private-key', input, about: textOf(input), ours: verdict === 'accepts' ? `accepts ${half}` : verdict, openssh: theirs === undefined ? 'refuses' : `accepts ${theirs}` };
    });
  },

  include(openssh, seed, count) {
    return mutated('sshd-config', seed, count).flatMap((input) => {
      const text = textOf(input).replaceAll('/etc/ssh/', `${openssh.folder}/`);
      const file = openssh.dropIn();
      const effective = openssh.effective(text);
      // a file that sshd refuses is on no host
      if (effective === undefined) return [];
      const ours = includeReach(text, file);
      return [{ oracle: 'include' as const, input, about: text, ours, openssh: effective.includes('ENSIGN=1') ? 'always' : 'never' }];
    });
  },
};

function readCertificate(input: Uint8Array): void {
  const certificate = decodeCertificate(input);
  if (!verifySignature(certificate.signatureKey, encodeToBeSigned(certificate), certificate.signature)) throw new AppError('wire/bad-signature', 'the signature does not hold');
}

function verdictOf(action: () => void): string {
  try {
    action();
    return 'accepts';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

function mutated(name: string, seed: number, count: number): Uint8Array[] {
  const target = allTargets().find((one) => one.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  return Array.from({ length: count }, (_, i) => inputOf(target, seed, i));
}

/** The target `certificate` with one seed: a sound certificate for `deploy`, valid for years around now. */
function certificateFor(seed: number): Target {
  const target = allTargets().find((one) => one.name === 'certificate');
  if (target === undefined) throw new Error('no target certificate');
  const fields = {
    type: 'user' as const, nonce: new Random(seed).bytes(32), subject: SUBJECT.key, serial: 7n, keyId: 'fuzz', principals: ['deploy', 'web'],
    validAfter: BigInt(NOW - 400_000_000), validBefore: BigInt(NOW + 400_000_000), criticalOptions: [{ name: 'force-command', value: 'ls' }], extensions: [{ name: 'permit-pty', value: '' }], signatureKey: AUTHORITY.key,
  };
  const bytes = encodeToBeSigned(fields);
  const blob = new WireWriter(1024).bytes(bytes).string(signData(AUTHORITY.key, AUTHORITY.privateKey, bytes)).finish();
  return { ...target, seeds: [blob] };
}

function criticalOptionsOf(input: Uint8Array): string {
  try {
    return decodeCertificate(input).criticalOptions.map(({ name }) => name).join(' ');
  } catch {
    return 'unreadable';
  }
}

/** The blob as a line, under the name of the type that is inside. A name that cannot stand in a line is `x`. */
function lineOf(blob: Uint8Array): string {
  return `${typeOf(blob)} ${Buffer.from(blob).toString('base64')}`;
}

function typeOf(blob: Uint8Array): string {
  const type = Buffer.from(blob.subarray(4, 4 + (blob.length < 4 ? 0 : Buffer.from(blob).readUInt32BE()))).toString('latin1');
  return /^[\x21-\x7e]{1,64}$/.test(type) ? type : 'x';
}

function asksForTooMuch(input: Uint8Array): boolean {
  const header = readKeyHeader(textOf(input));
  return header !== undefined && header.rounds > MOST_ROUNDS;
}

function batches<T>(lines: readonly string[], ask: (lines: readonly string[]) => readonly T[]): T[] {
  return Array.from({ length: Math.ceil(lines.length / BATCH) }, (_, i) => ask(lines.slice(i * BATCH, (i + 1) * BATCH))).flat();
}

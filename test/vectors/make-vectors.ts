// Writes certificates.json next to this file: `npx tsx test/vectors/make-vectors.ts`. Every run makes new keys.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkingMistakes, decodingMistakes, type Mistake } from './mistakes.ts';
import { AUTHORITIES, KeyFolder, showCertificate, SUBJECTS, type AuthorityName, type SignOptions, type SubjectName } from './ssh-keygen.ts';

const PRINCIPALS = ['deploy', 'web-1.example.com'];

function main(): void {
  const keys = new KeyFolder();
  try {
    const path = join(import.meta.dirname, 'certificates.json');
    writeFileSync(path, `${JSON.stringify({ madeWith: opensshVersion(), ...vectors(keys) }, null, 1)}\n`);
  } finally {
    keys.close();
  }
}

function vectors(keys: KeyFolder) {
  const certificate = (authority: AuthorityName, subject: SubjectName, options: SignOptions) =>
    new Uint8Array(Buffer.from(keys.sign(authority, subject, { principals: PRINCIPALS, serial: '42', ...options }).split(' ')[1] ?? '', 'base64'));
  const options = { options: ['force-command=/bin/true', 'source-address=10.0.0.0/8'] };
  const material = {
    certificates: {
      ed25519: certificate('ed25519', 'ed25519', options),
      ecdsa: certificate('ed25519', 'ecdsa-256', options),
      rsa: certificate('ed25519', 'rsa', options),
      sk: certificate('ed25519', 'sk-ed25519', options),
    },
    signedBy: { rsa: certificate('rsa', 'ed25519', options), ecdsa: certificate('ecdsa-256', 'ed25519', options) },
    authority: keys.privateKey('ed25519'),
  };
  return {
    authorities: AUTHORITIES.map((name) => keys.authority(name)),
    good: good(certificate),
    unreadable: decodingMistakes(material).map(describe),
    unconvincing: [
      ...checkingMistakes(material),
      { name: 'row 7: no principals', code: 'wire/no-principals', blob: certificate('ed25519', 'ed25519', { principals: [] }) },
      { name: 'for another login', code: 'wire/wrong-principal', blob: certificate('ed25519', 'ed25519', { principals: ['deployer', 'Deploy', '*', 'deploy ', 'de*'] }) },
      { name: 'row 14: the name with a port', code: 'wire/wrong-principal', blob: certificate('ed25519', 'ed25519', { principals: ['deploy:22', '[deploy]:22'] }) },
      { name: 'for a host', code: 'wire/wrong-type', blob: certificate('ed25519', 'ed25519', { host: true }) },
      { name: 'expired', code: 'wire/expired', blob: certificate('ed25519', 'ed25519', { validity: '20200101:20210101' }) },
      { name: 'from the future', code: 'wire/not-yet-valid', blob: certificate('ed25519', 'ed25519', { validity: '20400101:20410101' }) },
    ].map(describe),
  };
}

function good(certificate: (authority: AuthorityName, subject: SubjectName, options: SignOptions) => Uint8Array) {
  const made: { name: string; type: 'user' | 'host'; blob: string }[] = [];
  const add = (name: string, type: 'user' | 'host', blob: Uint8Array) => made.push({ name: `${type}: ${name}`, type, blob: Buffer.from(blob).toString('base64') });
  for (const type of ['user', 'host'] as const) {
    for (const subject of SUBJECTS) add(`${subject} by ed25519`, type, certificate('ed25519', subject, { host: type === 'host' }));
    for (const authority of AUTHORITIES.slice(1)) add(`ed25519 by ${authority}`, type, certificate(authority, 'ed25519', { host: type === 'host' }));
    add('ed25519 by rsa with rsa-sha2-256', type, certificate('rsa', 'ed25519', { host: type === 'host', algorithm: 'rsa-sha2-256' }));
    add('for ever', type, certificate('ed25519', 'ed25519', { host: type === 'host', validity: 'always:forever' }));
  }
  add('every option', 'user', certificate('ed25519', 'ed25519', {
    options: ['force-command=echo "zoë"', 'source-address=10.0.0.0/8,2001:db8::/32', 'verify-required', 'no-touch-required'],
  }));
  add('no extensions', 'user', certificate('ed25519', 'ed25519', { options: ['clear'] }));
  add('unknown extensions', 'user', certificate('ed25519', 'ed25519', { options: ['extension:login@example.com=zoë', 'extension:flag@example.com', 'extension:empty@example.com='] }));
  return made;
}

/** With OpenSSH's own verdict, so that a reader sees where ensign is stricter. */
function describe({ name, code, blob }: Mistake) {
  const base64 = Buffer.from(blob).toString('base64');
  return { name, code, openssh: showCertificate(`${typeOf(blob)} ${base64}`) === undefined ? 'refuses' : 'reads', blob: base64 };
}

function typeOf(blob: Uint8Array): string {
  return blob.length < 8 ? 'ssh-ed25519-cert-v01@openssh.com' : Buffer.from(blob.subarray(4, 4 + Buffer.from(blob).readUInt32BE())).toString();
}

function opensshVersion(): string {
  return spawnSync('ssh', ['-V'], { encoding: 'utf8' }).stderr.trim();
}

main();

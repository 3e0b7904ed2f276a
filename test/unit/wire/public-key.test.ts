import { describe, expect, it } from 'vitest';
import {
  decodePublicKey,
  encodePublicKey,
  fingerprint,
  formatPublicKeyLine,
  isCertificateType,
  parsePublicKeyLine,
  rsaBits,
  samePublicKey,
  type PublicKey,
} from '../../../src/wire/public-key.ts';
import { WireWriter } from '../../../src/wire/writer.ts';
import { codeOf } from '../../vectors/code-of.ts';

// the host key that GitHub publishes, with its published fingerprint
const GITHUB = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
const GITHUB_FINGERPRINT = 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU';

describe('public key lines', () => {
  it('gives the fingerprint that everybody knows', () => {
    expect(fingerprint(parsePublicKeyLine(GITHUB).key)).toBe(GITHUB_FINGERPRINT);
  });

  it.each([
    [`${GITHUB}\n`, ''],
    [`  ${GITHUB}  anna@laptop\r\n`, 'anna@laptop'],
    [`${GITHUB}\tanna of the\t2nd floor`, 'anna of the 2nd floor'],
  ])('reads %j', (line, comment) => {
    const read = parsePublicKeyLine(line);
    expect(read.comment).toBe(comment);
    expect(formatPublicKeyLine(read.key)).toBe(GITHUB);
  });

  it.each([
    ['nothing', ''],
    ['only a type', 'ssh-ed25519'],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----'],
    ['a comment line', `# ${GITHUB}`],
    ['options before the key', `command="ls" ${GITHUB}`],
    ['two lines', `${GITHUB}\n${GITHUB}`],
    ['a carriage return inside', `${GITHUB} a\rb`],
    ['a comment that hides what follows', `${GITHUB} anna\u202e`],
    ['a NUL in the comment', `${GITHUB} an\0na`],
    ['another type than the one inside', GITHUB.replace('ssh-ed25519', 'ssh-rsa')],
    ['a type in other letters', GITHUB.replace('ssh-ed25519', 'SSH-ED25519')],
    ['base64 without its end', GITHUB.slice(0, -1)],
    ['base64 of the web', GITHUB.replace('OMqq', 'OM_q')],
    ['base64 with stray bits', 'ssh-dss AAAAB3NzaC1kc3N='],
  ])('refuses %s', (_what, line) => {
    expect(codeOf(() => parsePublicKeyLine(line))).toBe('wire/bad-text');
  });

  it.each(['a\nssh-rsa AAAA', 'a\r', '\u2028', '\0', '\u202egnp'])('row 8: a comment that would break the line or deceive its reader is refused: %j', (comment) => {
    const { key } = parsePublicKeyLine(GITHUB);
    expect(codeOf(() => formatPublicKeyLine(key, comment))).toBe('wire/bad-text');
  });
});

describe('decodePublicKey', () => {
  it('row 10: a certificate is not a key, of whatever type', () => {
    for (const type of ['ssh-ed25519-cert-v01@openssh.com', 'ssh-dss-cert-v01@openssh.com', 'ssh-rsa-cert-v00@openssh.com', 'ssh-new-cert-v02@openssh.com']) {
      expect(isCertificateType(type)).toBe(true);
      expect(codeOf(() => decodePublicKey(new WireWriter().string(type).string('x').finish()))).toBe('wire/certificate-as-key');
    }
    expect(isCertificateType('ssh-ed25519')).toBe(false);
  });

  it('names a type that it does not know, and keeps its bytes', () => {
    const blob = new WireWriter().string('ssh-mldsa-65@example.com').string('key').finish();
    const key = decodePublicKey(blob);
    expect(key).toEqual({ kind: 'unknown', type: 'ssh-mldsa-65@example.com', blob });
    expect(encodePublicKey(key)).toEqual(blob);
    expect(parsePublicKeyLine(formatPublicKeyLine(key, 'pq')).key).toEqual(key);
  });

  it.each(['', 'a b', 'a\nssh-ed25519', 'a,b', 'x'.repeat(65), 'ключ'])('refuses the type name %j', (type) => {
    expect(codeOf(() => decodePublicKey(new WireWriter().string(type).string('key').finish()))).toBe('wire/bad-key');
  });

  it('is not fooled by names of object members', () => {
    expect(decodePublicKey(new WireWriter().string('constructor').finish()).kind).toBe('unknown');
  });

  it('does not change when the buffer it was read from is used again', () => {
    const buffer = Uint8Array.from(encodePublicKey(parsePublicKeyLine(GITHUB).key));
    const key = decodePublicKey(buffer);
    buffer.fill(0);
    expect(fingerprint(key)).toBe(GITHUB_FINGERPRINT);
  });

  it('refuses bytes after the key', () => {
    const blob = Buffer.concat([encodePublicKey(parsePublicKeyLine(GITHUB).key), Buffer.of(0)]);
    expect(codeOf(() => decodePublicKey(blob))).toBe('wire/trailing-bytes');
  });
});

describe('RSA sizes', () => {
  const rsa = (n: Uint8Array) => ({ kind: 'rsa', type: 'ssh-rsa', e: Uint8Array.of(1, 0, 1), n }) as const;
  const modulus = (length: number, first: number) => new Uint8Array(length).fill(0xff).fill(first, 0, 1);

  it.each([
    [256, 0x80, 2048],
    [256, 0x7f, 2047],
    [257, 0x01, 2049],
    [128, 0xff, 1024],
  ])('%d bytes that begin with %d are %d bits', (length, first, bits) => {
    const key = rsa(modulus(length, first));
    expect(rsaBits(key)).toBe(bits);
    expect(decodePublicKey(encodePublicKey(key))).toEqual(key);
  });

  it.each([
    [128, 0x7f],
    [2049, 0x01],
  ])('%d bytes that begin with %d are too few or too many', (length, first) => {
    expect(codeOf(() => decodePublicKey(encodePublicKey(rsa(modulus(length, first)))))).toBe('wire/bad-key');
  });
});

describe('samePublicKey', () => {
  const { key } = parsePublicKeyLine(GITHUB);
  it('compares all of the key: type, bytes, application', () => {
    const point = new Uint8Array(32);
    const sk = (application: string): PublicKey => ({ kind: 'sk-ed25519', type: 'sk-ssh-ed25519@openssh.com', point, application });
    expect(samePublicKey(key, parsePublicKeyLine(GITHUB).key)).toBe(true);
    expect(samePublicKey(key, { kind: 'ed25519', type: 'ssh-ed25519', point })).toBe(false);
    expect(samePublicKey(sk('ssh:a'), sk('ssh:b'))).toBe(false);
    expect(samePublicKey(sk('ssh:'), { kind: 'ed25519', type: 'ssh-ed25519', point })).toBe(false);
  });
});

import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Candidate } from '../../../src/ca/candidate.ts';
import { LINT_RULES } from '../../../src/ca/lint/rules.ts';
import type { LintContext } from '../../../src/ca/lint/rule.ts';
import { defineProfile } from '../../../src/ca/profile.ts';
import { lintCandidate, RefusedError } from '../../../src/ca/ticket.ts';
import type { CertificateFields } from '../../../src/wire/certificate.ts';
import type { PublicKey } from '../../../src/wire/public-key.ts';
import { ed25519Key, hostRequest, NOW, TestCa, userRequest } from '../../support/test-ca.ts';

let test: TestCa;
let user: Candidate;
let host: Candidate;
let context: LintContext;

beforeAll(async () => {
  test = await TestCa.make();
  user = test.ca.prepare(userRequest());
  host = test.ca.prepare(hostRequest());
  context = { nowSeconds: NOW, authorities: Object.values(test.authorities) };
});
afterAll(() => test.remove());

/** The rules that speak up, in order, each once. */
function rulesOf(candidate: Candidate): string[] {
  try {
    lintCandidate(candidate, context);
    return [];
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    expect(error.code).toBe('ca/refused');
    return [...new Set(error.findings.map((f) => f.rule))];
  }
}

function withFields(candidate: Candidate, fields: Partial<CertificateFields>): Candidate {
  return { ...candidate, fields: { ...candidate.fields, ...fields } };
}

function rsa(bits: number, exponent = 65537): PublicKey {
  const jwk = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent }).publicKey.export({ format: 'jwk' });
  const bytes = (text: string | undefined): Uint8Array => Uint8Array.from(Buffer.from(text ?? '', 'base64url'));
  return { kind: 'rsa', type: 'ssh-rsa', e: bytes(jwk.e), n: bytes(jwk.n) };
}

it('lets a proper certificate for people and one for a host pass', () => {
  expect(rulesOf(user)).toEqual([]);
  expect(rulesOf(host)).toEqual([]);
});

it('names every rule and says where it comes from', () => {
  expect(LINT_RULES).toHaveLength(20);
  for (const rule of LINT_RULES) expect(`${rule.name}: ${rule.source}`).toMatch(/^[a-z-]+: .{20,}/);
  expect(new Set(LINT_RULES.map((r) => r.name)).size).toBe(LINT_RULES.length);
});

it('reports everything that is wrong at once', () => {
  const bad = { ...withFields(user, { principals: ['a,b', '-rf'], validBefore: BigInt(NOW + 30 * 86_400), serial: 0n }), who: 'two words' };
  expect(rulesOf(bad)).toEqual(['user-principals', 'lifetime', 'key-id', 'serial']);
});

describe('attack row 7: empty principals', () => {
  it('are refused for people and for hosts', () => {
    expect(rulesOf(withFields(user, { principals: [] }))).toEqual(['principals-present']);
    expect(rulesOf(withFields(host, { principals: [] }))).toEqual(['principals-present']);
  });

  it('are refused as an empty text, too', () => {
    expect(rulesOf(withFields(user, { principals: [''] }))).toEqual(['user-principals']);
    expect(rulesOf(withFields(host, { principals: [''] }))).toEqual(['host-names']);
  });
});

describe('attack row 8: principals that mean something elsewhere', () => {
  const hostile = ['a,b', 'a b', 'a"b', "a'b", 'a\nb', 'a\0b', 'a\tb', '-oProxyCommand=x', '*', 'sr?', '!sre', '#sre', 'a\\b', 'ａlice', 'а', 'a\u200bb', 'a\u202eb', '$(id)', '`id`', 'a;b', 'staging/', 'a//b', 'x'.repeat(129)];
  it.each(hostile)('%j is refused for people', (principal) => {
    expect(rulesOf(withFields(user, { principals: [principal] }))).toContain('user-principals');
  });
  it.each([...hostile.filter((h) => h !== 'а'), 'а.example.com', '*.example.com', 'a_b.example.com.', '.example.com', 'a..b', '-web', 'web-', 'x'.repeat(64), 'WEB', '256.1.1.1', '010.0.0.1.5', '1.2.3', '0x7f.0x1', 'fe80::1%eth0'])('%j is refused for hosts', (name) => {
    expect(rulesOf(withFields(host, { principals: [name] }))).toContain('host-names');
  });
  it.each(['sre', 'staging/sre', 'alice@example.com', 'svc_ci-1', 'a.b+c'])('%j is allowed for people', (principal) => {
    expect(rulesOf(withFields(user, { principals: [principal] }))).toEqual([]);
  });
  it.each(['web', 'web-01.example.com', 'web_01', '10.0.0.1', '2001:db8::1', '::1', 'xn--bcher-kva.example'])('%j is allowed for hosts', (name) => {
    expect(rulesOf(withFields(host, { principals: [name] }))).toEqual([]);
  });
  it('the forced command holds no control characters and is not empty', () => {
    const forced = (value: string): Candidate => withFields(user, { criticalOptions: [{ name: 'force-command', value }] });
    expect(rulesOf(forced('uptime'))).toEqual([]);
    for (const value of ['', '  ', 'a\nb', 'a\0b', 'x'.repeat(5000)]) expect(rulesOf(forced(value))).toEqual(['force-command']);
  });
});

describe('attack row 10: what signs', () => {
  it('is a listed authority for this purpose, and no other key', () => {
    expect(rulesOf(withFields(user, { signatureKey: test.authorities.host.publicKey }))).toEqual(['signing-key']);
    const hostKey = test.authorities.host.publicKey;
    expect(rulesOf({ ...withFields(user, { signatureKey: hostKey }), authority: { ...user.authority, publicKey: hostKey } })).toEqual(['signing-key']);
    const stranger = ed25519Key();
    expect(rulesOf({ ...withFields(user, { signatureKey: stranger }), authority: { ...user.authority, publicKey: stranger } })).toEqual(['signing-key']);
  });
  it('is never a certificate', () => {
    const certificate: PublicKey = { kind: 'unknown', type: 'ssh-ed25519-cert-v01@openssh.com', blob: new Uint8Array(40) };
    expect(() => lintCandidate(withFields(user, { signatureKey: certificate }), context)).toThrow(expect.objectContaining({ code: 'ca/refused', message: expect.stringContaining('a certificate cannot sign certificates') as unknown }));
  });
  it('is strong enough', () => {
    const weak = { ...user.authority, publicKey: rsa(2048) };
    const candidate = { ...withFields(user, { signatureKey: weak.publicKey }), authority: weak };
    expect(() => lintCandidate(candidate, { ...context, authorities: [weak] })).toThrow(expect.objectContaining({ code: 'ca/refused', findings: [expect.objectContaining({ rule: 'signing-key' })] }));
  });
});

describe('attack row 14: host:port as a principal', () => {
  it.each([
    ['web-01:22', 'web-01'],
    ['[web-01]:2222', 'web-01'],
    ['10.0.0.1:22', '10.0.0.1'],
    ['[2001:db8::1]:22', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
  ])('%s is refused, and the message gives %s', (name, bare) => {
    expect(() => lintCandidate(withFields(host, { principals: [name] }), context)).toThrow(expect.objectContaining({ code: 'ca/refused', message: expect.stringContaining(`write ${bare} (host-names)`) as unknown }));
  });
});

describe('attack row 15: milliseconds taken for seconds', () => {
  it('times in milliseconds are refused, even where all agree on them', () => {
    const ms = withFields(user, { validAfter: BigInt(NOW) * 1000n, validBefore: BigInt(NOW + 3600) * 1000n });
    expect(rulesOf(ms)).toContain('lifetime');
    // a clock in milliseconds that prepare and lint share, and a lifetime in seconds
    const shared = { ...withFields(user, { validAfter: BigInt(NOW * 1000 - 60), validBefore: BigInt(NOW * 1000 + 3600) }), preparedAt: NOW * 1000 };
    expect(() => lintCandidate(shared, { ...context, nowSeconds: NOW * 1000 })).toThrow(expect.objectContaining({ code: 'ca/refused', message: expect.stringContaining('not in this century') as unknown }));
  });
  it('a lifetime in milliseconds is refused', () => {
    expect(rulesOf(test.ca.prepare(userRequest({ ttl: 3600 * 1000 })))).toEqual(['lifetime']);
  });
  it('what is asked for is what is given, in seconds', () => {
    const { validAfter, validBefore } = test.ca.prepare(userRequest({ ttl: 3600 })).fields;
    expect([validAfter, validBefore]).toEqual([BigInt(NOW - 60), BigInt(NOW + 3600)]);
  });
});

describe('lifetime and backdate', () => {
  const until = (seconds: number): Candidate => withFields(user, { validBefore: BigInt(NOW + seconds) });
  it('24h is the longest for people and 5m the shortest', () => {
    expect(rulesOf(until(86_400))).toEqual([]);
    expect(rulesOf(until(86_401))).toEqual(['lifetime']);
    expect(rulesOf(until(300))).toEqual([]);
    expect(rulesOf(until(299))).toEqual(['lifetime']);
  });
  it('90d is the longest for hosts', () => {
    expect(rulesOf(withFields(host, { validBefore: BigInt(NOW + 90 * 86_400) }))).toEqual([]);
    expect(rulesOf(withFields(host, { validBefore: BigInt(NOW + 90 * 86_400 + 1) }))).toEqual(['lifetime']);
  });
  it('what was prepared long ago, or later than now, is refused', () => {
    expect(() => lintCandidate(user, { ...context, nowSeconds: NOW + 60 })).not.toThrow();
    for (const nowSeconds of [NOW + 61, NOW - 1]) expect(() => lintCandidate(user, { ...context, nowSeconds })).toThrow(expect.objectContaining({ code: 'ca/refused', message: expect.stringContaining('not prepared just now') as unknown }));
  });
  it('for ever is refused', () => {
    expect(rulesOf(withFields(user, { validBefore: (1n << 64n) - 1n }))).toEqual(['lifetime']);
  });
  it('more than a minute back, or a beginning in the future, is refused', () => {
    expect(rulesOf(withFields(user, { validAfter: BigInt(NOW - 61) }))).toEqual(['backdate']);
    expect(rulesOf(withFields(user, { validAfter: BigInt(NOW + 1) }))).toEqual(['backdate']);
  });
  it('nothing is valid before its authority was made, and prepare sees to it', () => {
    const young = { ...user.authority, createdAt: NOW - 10 };
    expect(rulesOf({ ...user, authority: young })).toEqual(['backdate']);
  });
});

describe('type, profile and options', () => {
  it('a profile for hosts makes no certificate for people', () => {
    expect(rulesOf({ ...user, profile: host.profile })).toContain('type-matches');
    expect(rulesOf({ ...user, authority: host.authority })).toContain('type-matches');
  });
  it('options are known, allowed and given once', () => {
    const options = (...list: { name: string; value: string }[]): Candidate => withFields(user, { criticalOptions: list });
    expect(rulesOf(options({ name: 'permit-root', value: '' }))).toEqual(['critical-options']);
    expect(rulesOf(options({ name: 'verify-required', value: '' }))).toEqual(['critical-options']);
    expect(rulesOf(options({ name: 'source-address', value: '10.0.0.0/8' }, { name: 'source-address', value: '10.0.0.0/8' }))).toEqual(['critical-options']);
    expect(rulesOf(withFields(host, { criticalOptions: [{ name: 'force-command', value: 'x' }] }))).toEqual(['critical-options']);
    expect(rulesOf({ ...options({ name: 'force-command', value: 'x' }), profile: defineProfile('plain', { type: 'user', criticalOptions: [] }) })).toEqual(['critical-options']);
  });
  it('extensions are known, allowed, given once and without a value', () => {
    const given = (...list: { name: string; value: string }[]): Candidate => withFields(user, { extensions: list });
    expect(rulesOf(given({ name: 'permit-pty', value: '' }))).toEqual([]);
    expect(rulesOf(given())).toEqual([]);
    expect(rulesOf(given({ name: 'permit-pty', value: 'x' }))).toEqual(['extensions']);
    expect(rulesOf(given({ name: 'permit-everything', value: '' }))).toEqual(['extensions']);
    expect(rulesOf(given({ name: 'no-touch-required', value: '' }))).toEqual(['extensions']);
    expect(rulesOf(given({ name: 'permit-pty', value: '' }, { name: 'permit-pty', value: '' }))).toEqual(['extensions']);
    expect(rulesOf(withFields(host, { extensions: [{ name: 'permit-pty', value: '' }] }))).toEqual(['extensions']);
    expect(rulesOf({ ...given({ name: 'permit-pty', value: '' }), profile: defineProfile('plain', { type: 'user', allowedExtensions: [] }) })).toEqual(['extensions']);
  });
  it('a principal that the profile does not allow is refused; no pattern allows nothing', () => {
    const only = (principals: string[]): Candidate => ({ ...user, profile: defineProfile('p', { type: 'user', principals }) });
    expect(rulesOf(only(['staging/*']))).toEqual([]);
    expect(rulesOf(only(['production/*']))).toEqual(['principals-allowed']);
    expect(rulesOf(only([]))).toEqual(['principals-allowed']);
  });
});

describe('source addresses', () => {
  const from = (value: string): Candidate => withFields(user, { criticalOptions: [{ name: 'source-address', value }] });
  it.each(['10.0.0.0/8', '10.1.2.3', '10.1.2.3/32', '0.0.0.0/0', '2001:db8::/32', '::1', '10.0.0.0/8,2001:db8::1/128', '::ffff:10.0.0.0/104'])('%s is taken', (value) => {
    expect(rulesOf(from(value))).toEqual([]);
  });
  it.each(['', '10.0.0.1/8', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/08', '2001:db8::1/32', 'fe80::1%eth0', 'localhost', '10.0.0.0/8,', '10.0.0.0/8, 10.1.0.0/16', '!10.0.0.0/8', '10.0.0.*'])('%j is refused', (value) => {
    expect(rulesOf(from(value))).toEqual(['source-address']);
  });
});

describe('the subject', () => {
  it('is no certificate and no key of an unknown kind', () => {
    const unknown = (type: string): Candidate => withFields(user, { subject: { kind: 'unknown', type, blob: new Uint8Array(40) } });
    expect(rulesOf(unknown('ssh-ed25519-cert-v01@openssh.com'))).toEqual(['subject-kind']);
    expect(rulesOf(unknown('ssh-dss'))).toEqual(['subject-kind']);
  });
  it('has at least 2048 bits where it is RSA, and a sane exponent', () => {
    expect(rulesOf(withFields(host, { subject: rsa(2048) }))).toEqual([]);
    expect(rulesOf(withFields(host, { subject: rsa(1024) }))).toEqual(['subject-strength']);
    expect(rulesOf(withFields(host, { subject: rsa(2048, 3) }))).toEqual(['subject-strength']);
  });
  it('is a point on its curve', () => {
    const point = new Uint8Array(65).fill(7);
    point[0] = 4;
    expect(rulesOf(withFields(user, { subject: { kind: 'ecdsa', type: 'ecdsa-sha2-nistp256', curve: 'nistp256', point } }))).toEqual(['subject-strength']);
  });
  it('may be a security key for people, never for a host', () => {
    const subject: PublicKey = { kind: 'sk-ed25519', type: 'sk-ssh-ed25519@openssh.com', point: new Uint8Array(32).fill(9), application: 'ssh:' };
    expect(rulesOf(withFields(user, { subject, criticalOptions: [{ name: 'verify-required', value: '' }] }))).toEqual([]);
    expect(rulesOf(withFields(host, { subject }))).toEqual(['subject-kind']);
  });
  it('is not one of the authorities', () => {
    for (const { publicKey } of Object.values(test.authorities)) expect(rulesOf(withFields(user, { subject: publicKey }))).toEqual(['subject-not-authority']);
  });
});

describe('the rest', () => {
  it('a serial is between 1 and 2^64-1', () => {
    for (const serial of [0n, -1n, 1n << 64n]) expect(rulesOf(withFields(user, { serial }))).toEqual(['serial']);
    expect(rulesOf(withFields(user, { serial: (1n << 64n) - 1n }))).toEqual([]);
  });
  it('a nonce is random and long enough', () => {
    for (const nonce of [new Uint8Array(32), new Uint8Array(8).map((_, i) => i)]) expect(rulesOf(withFields(user, { nonce }))).toEqual(['nonce']);
  });
  it('the key id carries who and why', () => {
    expect(rulesOf({ ...user, who: '' })).toEqual(['key-id']);
    expect(rulesOf({ ...user, why: '' })).toEqual(['key-id']);
    expect(rulesOf(withFields(user, { keyId: 'somebody' }))).toEqual(['key-id']);
    expect(rulesOf({ ...user, reason: 'a\nb' })).toEqual(['key-id']);
  });
  it('a host certificate says whose it is, a certificate for people does not', () => {
    expect(rulesOf({ ...host, hostId: undefined })).toEqual(['host-id']);
    for (const hostId of ['web-01', 'staging/', '/web', 'a b/c', 'staging/web\n']) expect(rulesOf({ ...host, hostId })).toEqual(['host-id']);
    expect(rulesOf({ ...user, hostId: 'staging/web-01' })).toEqual(['host-id']);
  });
  it('principals are named once, and no more than OpenSSH reads', () => {
    expect(rulesOf(withFields(user, { principals: ['a', 'a'] }))).toEqual(['principals-unique']);
    const many = (count: number): Candidate => withFields(user, { principals: Array.from({ length: count }, (_, i) => `p${i}`) });
    expect(rulesOf(many(256))).toEqual([]);
    expect(rulesOf(many(257))).toEqual(['principals-unique']);
  });
});

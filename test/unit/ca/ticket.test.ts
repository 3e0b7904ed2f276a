import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkCertificate } from '../../../src/wire/check-certificate.ts';
import { parseCertificateLine } from '../../../src/wire/certificate.ts';
import { LintedCertificate } from '../../../src/ca/ticket.ts';
import { hostRequest, NOW, TestCa, userRequest } from '../../support/test-ca.ts';

let test: TestCa;
beforeAll(async () => {
  test = await TestCa.make();
});
afterAll(() => test.remove());

it('a ticket is good for one certificate', async () => {
  const ticket = test.ca.lint(test.ca.prepare(userRequest()));
  const { line, serial } = await test.ca.issue(ticket);
  const { certificate } = parseCertificateLine(line);
  expect(certificate.serial).toBe(serial);
  expect(() => checkCertificate(certificate, { type: 'user', authorities: [test.authorities.user.publicKey], principal: 'staging/sre', nowSeconds: NOW })).not.toThrow();
  await expect(test.ca.issue(ticket)).rejects.toMatchObject({ code: 'ca/ticket-used' });
});

it('a ticket twice in one batch issues nothing', async () => {
  const before = (await test.store.read((s) => s.lastRecord()))?.seq;
  const ticket = test.ca.lint(test.ca.prepare(userRequest()));
  await expect(test.ca.issueAll([ticket, ticket])).rejects.toMatchObject({ code: 'ca/ticket-used' });
  expect((await test.store.read((s) => s.lastRecord()))?.seq).toBe(before);
});

it('cannot be made by hand', async () => {
  const Forger = LintedCertificate as unknown as new (candidate: unknown) => LintedCertificate;
  await expect(test.ca.issue(new Forger(test.ca.prepare(userRequest())))).rejects.toMatchObject({ code: 'ca/ticket-used' });
  const forged = Object.create(LintedCertificate.prototype) as LintedCertificate;
  await expect(test.ca.issue(forged)).rejects.toMatchObject({ code: 'ca/ticket-used' });
  const shape = { toString: () => '' };
  // @ts-expect-error an object of the same shape is no ticket
  const shaped: LintedCertificate = shape; // eslint-disable-line @typescript-eslint/no-unsafe-class-instance-assignment -- tests that it cannot be done
  await expect(test.ca.issue(shaped)).rejects.toMatchObject({ code: 'ca/ticket-used' });
});

it('stands for what was looked at, whatever becomes of the candidate', async () => {
  const candidate = test.ca.prepare(userRequest());
  const ticket = test.ca.lint(candidate);
  (candidate.fields.principals as string[])[0] = 'root';
  candidate.fields.nonce.fill(0);
  const { certificate } = await test.ca.issue(ticket);
  expect(certificate.principals).toEqual(['staging/sre']);
  expect(certificate.nonce.some((byte) => byte !== 0)).toBe(true);
});

/** Every part of a value that can be changed in place, changed. */
function spoil(value: unknown): void {
  if (value instanceof Uint8Array) value.fill(1);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  for (const [key, part] of Object.entries(value)) {
    spoil(part);
    if (typeof part === 'string') Object.assign(value, { [key]: `${part}x` });
    if (typeof part === 'bigint') Object.assign(value, { [key]: part + 1n });
  }
}

it.each(['user', 'host'] as const)('nothing of a %s candidate reaches what is signed or recorded once it was linted', async (type) => {
  const { ca, store } = test;
  const options = [{ name: 'force-command', value: 'uptime' }];
  // of its own, because spoiling it would spoil them for every other test
  const apart = <T>(part: T): T => structuredClone(part);
  const prepared = ca.prepare(type === 'user' ? userRequest({ criticalOptions: options }) : hostRequest());
  const candidate = { ...prepared, fields: apart(prepared.fields), profile: apart(prepared.profile), authority: apart(prepared.authority) };
  const expected = apart(candidate);
  const ticket = ca.lint(candidate);
  spoil(candidate);
  expect(candidate.fields.principals).not.toEqual(expected.fields.principals);
  const { certificate, line } = await ca.issue(ticket);
  const { signature, ...fields } = parseCertificateLine(line).certificate;
  expect(fields).toEqual(expected.fields);
  expect(certificate).toEqual({ ...expected.fields, signature });
  const record = JSON.parse((await store.read((s) => s.lastRecord()))?.body ?? '') as { data: object };
  expect(record.data).toMatchObject({ who: expected.who, why: expected.why, requestId: expected.requestId, profile: expected.profile.name, authority: expected.authority.fingerprint });
});

it.each([
  ['a text that changes each time it is read', { keyId: { toString: () => 'alice/login/1' } }],
  ['a principal that is none', { principals: [['staging/sre']] }],
  ['a nonce that is a number', { nonce: 32 }],
  ['a nonce in memory that others can write', { nonce: new ArrayBuffer(32) }],
  ['a serial that is an object', { serial: { valueOf: () => 7n } }],
])('%s is not looked at', (_, fields) => {
  const candidate = test.ca.prepare(userRequest());
  expect(() => test.ca.lint({ ...candidate, fields: { ...candidate.fields, ...(fields as object) } })).toThrow(TypeError);
});

it('is for this authority and for now', async () => {
  const other = await TestCa.make();
  try {
    const foreign = other.ca.lint(other.ca.prepare(userRequest()));
    await expect(test.ca.issue(foreign)).rejects.toMatchObject({ code: 'ca/ticket-stale' });
    const late = other.ca.lint(other.ca.prepare(userRequest({ ttl: 600 })));
    other.clock.seconds += 600;
    await expect(other.ca.issue(late)).rejects.toMatchObject({ code: 'ca/ticket-stale' });
  } finally {
    await other.remove();
  }
});

it('what a broken signer returns does not leave', async () => {
  const broken = await TestCa.make({ signers: { user: { ...test.signers.user, sign: () => test.signers.user.sign(new Uint8Array(3)) } } });
  try {
    const candidate = broken.ca.prepare(userRequest());
    const ticket = broken.ca.lint(candidate);
    await expect(broken.ca.issue(ticket)).rejects.toMatchObject({ code: 'ca/bad-signature' });
  } finally {
    await broken.remove();
  }
});

it.each([
  ['nothing', new Uint8Array(0)],
  ['a signature of another kind', new Uint8Array(64)],
])('a signer that returns %s sends nothing out', async (_, answer) => {
  const broken = await TestCa.make({ signers: { user: { ...test.signers.user, sign: () => Promise.resolve(answer) } } });
  try {
    const tickets = [userRequest(), userRequest()].map((request) => broken.ca.lint(broken.ca.prepare(request)));
    await expect(broken.ca.issueAll(tickets)).rejects.toMatchObject({ code: 'ca/bad-signature' });
    expect(await broken.store.read((s) => s.serials(0, 1e9))).toEqual([]);
  } finally {
    await broken.remove();
  }
});

it('one bad signature in a batch keeps all of it in', async () => {
  let signed = 0;
  const faulty = await TestCa.make({ signers: { user: { ...test.signers.user, sign: async (data) => flipped(await test.signers.user.sign(data), ++signed === 3) } } });
  try {
    const tickets = Array.from({ length: 5 }, () => faulty.ca.lint(faulty.ca.prepare(userRequest())));
    await expect(faulty.ca.issueAll(tickets)).rejects.toMatchObject({ code: 'ca/bad-signature' });
    expect(await faulty.store.read((s) => s.serials(0, 1e9))).toEqual([]);
  } finally {
    await faulty.remove();
  }
});

/** One bit of the signature turned over. */
function flipped(signature: Uint8Array, wanted: boolean): Uint8Array {
  return wanted ? signature.map((byte, i) => (i === signature.length - 1 ? byte ^ 1 : byte)) : signature;
}

it('an authority that is locked signs nothing', async () => {
  const locked = await TestCa.make({ signers: { host: test.signers.host } });
  try {
    const ticket = locked.ca.lint(locked.ca.prepare(userRequest()));
    await expect(locked.ca.issue(ticket)).rejects.toMatchObject({ code: 'ca/locked' });
  } finally {
    await locked.remove();
  }
});

it('a repeated serial is refused, and nothing of the batch remains', async () => {
  let draws = 0;
  // every serial is the same; nonces and request ids may be anything
  const random = (length: number): Uint8Array => new Uint8Array(length).map((_, i) => (length === 8 ? 7 : (draws++ + i) & 255));
  const stuck = await TestCa.make({ random });
  try {
    const make = (): LintedCertificate => stuck.ca.lint(stuck.ca.prepare(userRequest()));
    await expect(stuck.ca.issueAll([make(), make()])).rejects.toMatchObject({ code: 'ca/serial-repeated' });
    expect(await stuck.store.read((s) => s.serials(0, 1e9))).toEqual([]);
    await stuck.ca.issue(make());
    await expect(stuck.ca.issue(make())).rejects.toMatchObject({ code: 'ca/serial-repeated' });
  } finally {
    await stuck.remove();
  }
});

it('a zero serial is drawn again', async () => {
  const draws = [new Uint8Array(8), new Uint8Array(8).fill(1)];
  const lucky = await TestCa.make({ random: (length) => (length === 8 ? (draws.shift() ?? new Uint8Array(8).fill(2)) : new Uint8Array(length).map((_, i) => i)) });
  try {
    expect(lucky.ca.prepare(userRequest()).fields.serial).toBe(0x0101010101010101n);
  } finally {
    await lucky.remove();
  }
});

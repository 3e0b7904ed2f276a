import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkCertificate } from '../../../src/wire/check-certificate.ts';
import { parseCertificateLine } from '../../../src/wire/certificate.ts';
import { LintedCertificate } from '../../../src/ca/ticket.ts';
import { NOW, TestCa, userRequest } from '../../support/test-ca.ts';

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
  // @ts-expect-error the constructor is private
  expect(new LintedCertificate()).toBeDefined();
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

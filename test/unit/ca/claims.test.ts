import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IssuedCertificate } from '../../../src/ca/ca.ts';
import { ed25519Key, hostRequest, TestCa } from '../../support/test-ca.ts';

let test: TestCa;
beforeEach(async () => {
  test = await TestCa.make();
});
afterEach(() => test.remove());

function issue(id: string, names: string[], subject = ed25519Key()): Promise<IssuedCertificate> {
  return test.ca.issue(test.ca.lint(test.ca.prepare(hostRequest({ principals: names, subject, host: { id } }))));
}

describe('attack row 25: one name, one key, one host', () => {
  it("staging's db cannot pass for production's db", async () => {
    await issue('production/db', ['db.example.com', 'db']);
    const error = expect.objectContaining({ code: 'ca/name-taken', exit: 6, message: expect.stringMatching(/staging\/db.*name db belongs to production\/db/) as unknown, hint: expect.stringContaining('ensign ca forget production/db') as unknown }) as unknown;
    await expect(issue('staging/db', ['db.stg.example.com', 'db'])).rejects.toEqual(error);
  });

  it('two hosts with one cloned key are told apart', async () => {
    const cloned = ed25519Key();
    await issue('staging/a', ['a'], cloned);
    await expect(issue('staging/b', ['b'], cloned)).rejects.toMatchObject({ code: 'ca/key-taken', hint: expect.stringContaining('ssh-keygen -A') as unknown });
  });

  it('nothing of a refused batch remains, and the refusal is on record', async () => {
    await issue('production/db', ['db']);
    const tickets = [hostRequest({ principals: ['new'], host: { id: 'staging/new' } }), hostRequest({ principals: ['db'], host: { id: 'staging/db' } })].map((r) => test.ca.lint(test.ca.prepare(r)));
    await expect(test.ca.issueAll(tickets)).rejects.toMatchObject({ code: 'ca/name-taken' });
    expect(await test.ca.checkClaims('other/one', ['new'], [])).toEqual([]);
    const records = await test.store.read((s) => s.records(0, 100));
    expect(records.filter((r) => r.body.includes('"event":"refusal"'))).toHaveLength(2);
  });

  it('two hosts of one batch cannot share a name', async () => {
    const tickets = ['staging/a', 'staging/b'].map((id) => test.ca.lint(test.ca.prepare(hostRequest({ principals: ['shared'], host: { id } }))));
    await expect(test.ca.issueAll(tickets)).rejects.toMatchObject({ code: 'ca/name-taken' });
  });

  it('an IPv6 address is one name, however it is written', async () => {
    await issue('staging/a', ['2001:db8:0:0::1']);
    await expect(issue('staging/b', ['2001:db8::1'])).rejects.toMatchObject({ code: 'ca/name-taken' });
  });
});

it('a host gets its own names and keys as often as it likes', async () => {
  const key = ed25519Key();
  await issue('staging/a', ['a', 'a.example.com'], key);
  await issue('staging/a', ['a'], key);
  await issue('staging/a', ['a'], ed25519Key());
  expect(await test.ca.checkClaims('staging/a', ['a'], [key])).toEqual([]);
});

it('plan asks without changing anything', async () => {
  const key = ed25519Key();
  await issue('production/db', ['db'], key);
  const before = await test.store.read((s) => s.lastRecord());
  const conflicts = await test.ca.checkClaims('staging/db', ['DB', 'free'], [key]);
  expect(conflicts.map((c) => [c.kind, c.heldBy])).toEqual([
    ['name', 'production/db'],
    ['key', 'production/db'],
  ]);
  expect(await test.store.read((s) => s.lastRecord())).toEqual(before);
});

it('what a host gave up, another may have; and it is on record', async () => {
  const key = ed25519Key();
  await issue('production/old', ['db'], key);
  const released = await test.ca.forget('production/old', { who: 'alice@ops1', why: 'forget', reason: 'scrapped' });
  expect(released.names).toEqual(['db']);
  expect(released.keys).toHaveLength(1);
  await issue('production/new', ['db'], key);
  const records = await test.store.read((s) => s.records(0, 100));
  expect(records.some((r) => r.body.includes('"event":"claims-released"') && r.body.includes('scrapped'))).toBe(true);
  await expect(test.ca.forget('production/old', { who: 'alice@ops1', why: 'forget' })).rejects.toMatchObject({ code: 'ca/unknown-host' });
});

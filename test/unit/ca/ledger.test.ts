import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashRecord } from '../../../src/ca/ledger.ts';
import { verifyLedger, type LedgerReport } from '../../../src/ca/verify-ledger.ts';
import { ed25519Signer, TestCa, userRequest } from '../../support/test-ca.ts';
import { headToBeSigned } from '../../../src/ca/ledger-head.ts';

let test: TestCa;
beforeEach(async () => {
  test = await TestCa.make();
  for (let i = 0; i < 4; i++) await test.ca.issue(test.ca.lint(test.ca.prepare(userRequest({ principals: [`p${i}`] }))));
});
afterEach(() => test.remove());

function verify(knownHead?: { seq: number; hash: string }): Promise<LedgerReport> {
  return test.store.read((s) => verifyLedger(s, { authorities: Object.values(test.authorities), knownHead }));
}

async function codes(): Promise<string[]> {
  return [...new Set((await verify()).problems.map((p) => p.code))].sort();
}

/** What somebody with the file can do: the triggers are no hindrance to them. */
function tamper(...statements: string[]): void {
  const db = new Database(test.file);
  db.pragma('foreign_keys = OFF');
  for (const name of ['ledger', 'certificates', 'authorities']) for (const verb of ['update', 'delete']) db.exec(`drop trigger if exists ${name}_no_${verb}`);
  for (const statement of statements) db.exec(statement);
  db.close();
}

it('is sound as it was written, and tells how much there is', async () => {
  const report = await verify();
  expect(report).toMatchObject({ records: 5, certificates: 4, problems: [] });
  expect(report.head?.seq).toBe(5);
});

describe('attack row 24: a ledger truncated or edited', () => {
  it('an edit shows', async () => {
    tamper(`update ledger set body = replace(body, '"p1"', '"root"') where seq = 3`);
    expect(await codes()).toEqual(['edited']);
  });
  it('an edit with its hash made anew shows', async () => {
    const db = new Database(test.file, { readonly: true });
    const { body } = db.prepare('select body from ledger where seq = 3').get() as { body: string };
    db.close();
    const edited = body.replace('"p1"', '"root"');
    tamper(`update ledger set body = '${edited.replaceAll("'", "''")}', hash = '${hashRecord(edited)}' where seq = 3`);
    expect(await codes()).toEqual(['broken-chain']);
  });
  it('the whole chain made anew shows', async () => {
    const rows = await test.store.read((s) => s.records(0, 100));
    let prev = '0'.repeat(64);
    const statements = rows.map(({ seq, body }) => {
      const edited = JSON.stringify({ ...(JSON.parse(body.replace('"p1"', '"root"')) as object), prev });
      prev = hashRecord(edited);
      return `update ledger set body = '${edited.replaceAll("'", "''")}', hash = '${prev}' where seq = ${seq}`;
    });
    tamper(...statements);
    expect(await codes()).toEqual(['rewritten']);
    tamper(`update ledger_head set hash = '${prev}'`);
    expect(await codes()).toEqual(['head-forged']);
    const stranger = ed25519Signer();
    const signature = Buffer.from(await stranger.sign(headToBeSigned(5, prev))).toString('base64');
    tamper(`update ledger_head set signature = '${signature}'`);
    expect(await codes()).toEqual(['head-forged']);
    tamper(`update ledger_head set authority = 'SHA256:stranger'`);
    expect(await codes()).toEqual(['head-foreign']);
  });
  it('a cut end shows', async () => {
    tamper('delete from certificates where seq = 5', 'delete from ledger where seq = 5');
    expect(await codes()).toEqual(['cut']);
  });
  it('a cut end shows although its certificates were left', async () => {
    tamper('delete from ledger where seq = 5');
    expect(await codes()).toEqual(['certificate-unrecorded', 'cut']);
  });
  it('a cut beginning and a cut middle show', async () => {
    tamper('delete from certificates where seq in (2, 4)', 'delete from ledger where seq in (1, 2, 4)');
    expect(await codes()).toEqual(['broken-chain', 'missing']);
  });
  it('an empty ledger shows', async () => {
    tamper('delete from certificates', 'delete from ledger');
    expect(await codes()).toEqual(['cut', 'empty']);
  });
  it('another order shows', async () => {
    tamper(
      `update ledger set seq = 100, hash = 'a' where seq = 3`,
      `update ledger set seq = 3 where seq = 4`,
      `update ledger set seq = 4, hash = (select 'b') where seq = 100`,
    );
    expect(await codes()).toEqual(expect.arrayContaining(['broken-chain', 'reordered']));
  });
  it('a record added without a key shows', async () => {
    const last = await test.store.read((s) => s.lastRecord());
    const body = JSON.stringify({ v: 1, seq: 6, at: '2026-03-01T12:00:00.000Z', prev: last?.hash, event: 'issue', data: { serial: '7' } });
    tamper(`insert into ledger values (6, '${body}', '${hashRecord(body)}')`);
    expect(await codes()).toEqual(['certificate-missing', 'unsigned-tail']);
  });
  it('a missing head shows', async () => {
    tamper('delete from ledger_head');
    expect(await codes()).toEqual(['head-missing']);
  });
  it('a serial that was taken out, put in or exchanged shows', async () => {
    tamper('delete from certificates where seq = 3');
    expect(await codes()).toEqual(['certificate-missing']);
    tamper(`insert into certificates values ('00000000000000aa', 3, null, 1, 'x')`);
    expect(await codes()).toEqual(['certificate-missing', 'certificate-unrecorded']);
    tamper('delete from certificates where seq = 3', `update certificates set line = 'x' where seq = 4`);
    expect(await codes()).toEqual(['certificate-changed', 'certificate-missing']);
  });
  it('a text that is no record shows', async () => {
    tamper(`update ledger set body = '{"v":1' where seq = 2`);
    expect(await codes()).toContain('edited');
  });
  it('a store put back to an older copy of itself shows against a head that was noted', async () => {
    const { head } = await verify();
    if (head === undefined) throw new Error('no head');
    expect((await verify({ seq: head.seq, hash: head.hash })).problems).toEqual([]);
    const [third] = await test.store.read((s) => s.records(2, 1));
    expect((await verify({ seq: 3, hash: third?.hash ?? '' })).problems).toEqual([]);
    expect((await verify({ seq: 9, hash: head.hash })).problems.map((p) => p.code)).toEqual(['cut']);
    expect((await verify({ seq: 4, hash: head.hash })).problems.map((p) => p.code)).toEqual(['rewritten']);
  });
});

it('the store itself refuses to change or delete what is recorded', () => {
  const db = new Database(test.file);
  for (const statement of ['update ledger set body = 1', 'delete from ledger', 'update certificates set line = 1', 'delete from certificates', 'delete from authorities']) {
    expect(() => db.exec(statement)).toThrow(/append-only/);
  }
  db.close();
});

it('a refusal is on record, with its findings and with bounded size', async () => {
  const candidate = test.ca.prepare(userRequest({ principals: ['x'.repeat(100_000), ...Array.from({ length: 1000 }, () => 'a,b')] }));
  expect(() => test.ca.lint(candidate)).toThrow(expect.objectContaining({ code: 'ca/refused' }));
  await test.ca.record('note', {});
  const records = await test.store.read((s) => s.records(5, 100));
  const refusal = records.map((r) => JSON.parse(r.body) as { event: string; data: { findings: unknown[] } }).find((r) => r.event === 'refusal');
  expect(refusal?.data.findings.length).toBeGreaterThan(0);
  expect(JSON.stringify(refusal).length).toBeLessThan(20_000);
  expect(await codes()).toEqual([]);
});

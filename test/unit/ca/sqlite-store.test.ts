import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqliteStore } from '../../../src/ca/sqlite-store-adapter.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-store-'));
  file = join(folder, 'ensign.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('two connections in one process take turns, also while a signer is waited for', async () => {
  const stores = [await openSqliteStore(file, { create: true }), await openSqliteStore(file)];
  const append = (i: number): Promise<void> =>
    stores[i % 2]?.write(async (writer) => {
      const last = await writer.lastRecord();
      // a turn of the event loop in the middle of the transaction, as an agent takes it
      await new Promise((resolve) => setImmediate(resolve));
      const seq = (last?.seq ?? 0) + 1;
      await writer.append({ seq, body: `${seq}`, hash: `hash ${seq}` });
    }) ?? Promise.reject(new Error('no store'));
  await Promise.all(Array.from({ length: 30 }, (_, i) => append(i)));
  expect((await stores[0]?.read((s) => s.records(0, 100)))?.map((r) => r.seq)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  for (const store of stores) await store.close();
});

it('nothing remains of a transaction that failed', async () => {
  const store = await openSqliteStore(file, { create: true });
  const failed = store.write(async (writer) => {
    await writer.append({ seq: 1, body: 'x', hash: 'x' });
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect(await store.read((s) => s.lastRecord())).toBeUndefined();
  await store.close();
});

it('is in WAL mode, and nobody else can read it', async () => {
  const store = await openSqliteStore(file, { create: true });
  await store.write((writer) => writer.append({ seq: 1, body: 'x', hash: 'x' }));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(`${file}-wal`).mode & 0o777).toBe(0o600);
  const other = new Database(file, { readonly: true });
  expect(other.pragma('journal_mode', { simple: true })).toBe('wal');
  other.close();
  await store.close();
});

it('a store of a newer ensign is left alone', async () => {
  await (await openSqliteStore(file, { create: true })).close();
  const db = new Database(file);
  db.pragma('user_version = 99');
  db.close();
  await expect(openSqliteStore(file)).rejects.toMatchObject({ code: 'ca/store-too-new', exit: 2 });
});

it('is never made by accident, and never made twice', async () => {
  await expect(openSqliteStore(file)).rejects.toMatchObject({ code: 'ca/missing' });
  await (await openSqliteStore(file, { create: true })).close();
  await expect(openSqliteStore(file, { create: true })).rejects.toMatchObject({ code: 'EEXIST' });
});

it('waits for a process that bars everybody, as one does that opens the store first or closes it last', async () => {
  await (await openSqliteStore(file, { create: true })).close();
  const other = new Database(file);
  other.pragma('locking_mode = EXCLUSIVE');
  other.exec('create table barred (x)'); // takes the lock, and keeps it
  const opened = openSqliteStore(file);
  // by then it has met the lock: the wait inside SQLite is one with the process
  await new Promise((resolve) => setImmediate(resolve));
  other.close();
  const store = await opened;
  expect(await store.read((s) => s.lastRecord())).toBeUndefined();
  await store.close();
});

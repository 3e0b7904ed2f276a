import { closeSync, openSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Kysely, sql, SqliteDialect } from 'kysely';
import { AppError, usageError } from '../base/errors.ts';
import { SCHEMA_VERSION, upgrade, type Tables } from './sqlite-schema.ts';
import { prepareHotStatements, sqliteReader, sqliteWriter, type HotStatements } from './sqlite-queries.ts';
import type { Store, StoreReader, StoreWriter } from './store.ts';

// SQLite waits with the whole process, so it waits briefly, and the rest is waited between attempts
const BUSY_MS = 20;
const PATIENCE_MS = 30_000;

/**
 * The store as one SQLite file in WAL mode, synced to disk at every commit (synchronous=FULL).
 * @throws AppError `ca/missing`, `ca/store-damaged`, `ca/store-too-new`, `ca/store-busy`
 */
export async function openSqliteStore(file: string, options: { readonly create?: boolean } = {}): Promise<Store> {
  if (options.create === true) closeSync(openSync(file, 'wx', 0o600));
  else assertStore(file);
  const { db, hot } = await guarded(file, () => patiently(() => open(file, options.create === true)));
  // `begin immediate` takes the write lock at once: a transaction that read first and writes then could not be retried
  const inTransaction = <T>(begin: 'begin' | 'begin immediate', work: (connection: Kysely<Tables>) => Promise<T>): Promise<T> =>
    guarded(file, () => db.connection().execute((connection) => transaction(connection, begin, () => work(connection))));
  return {
    read: <T>(work: (store: StoreReader) => Promise<T>) => inTransaction('begin', (connection) => work(sqliteReader(connection, hot))),
    write: <T>(work: (store: StoreWriter) => Promise<T>) => inTransaction('begin immediate', (connection) => work(sqliteWriter(connection, hot))),
    close: () => db.destroy(),
  };
}

// a store that was cut to nothing must not pass for a new one: it would have forgotten everything that was issued
function assertStore(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw usageError('ca/missing', `${file} does not exist`, { hint: 'see ca.directory in ensign.yaml; restore the folder from a backup, or make a workspace with `ensign init`' });
  if (stat.size === 0) throw damaged(file, 'it is empty');
}

async function open(file: string, isNew: boolean): Promise<{ db: Kysely<Tables>; hot: HotStatements }> {
  const database = connect(file);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  try {
    await prepareSchema(db, database, file, isNew);
    return { db, hot: prepareHotStatements(database) };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

function connect(file: string): Database.Database {
  const database = new Database(file, { fileMustExist: true, timeout: BUSY_MS });
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  return database;
}

async function prepareSchema(db: Kysely<Tables>, database: Database.Database, file: string, isNew: boolean): Promise<void> {
  const version = (): number => Number(database.pragma('user_version', { simple: true }));
  if (version() === SCHEMA_VERSION) return;
  if (version() === 0 && !isNew) throw damaged(file, 'it has no tables');
  await db.connection().execute((connection) =>
    transaction(connection, 'begin immediate', async () => {
      // asked again under the lock: another process may have been faster
      if (version() > SCHEMA_VERSION) {
        throw usageError('ca/store-too-new', `${file} was written by a newer ensign`, { hint: 'use that version or a later one' });
      }
      await upgrade(connection, version());
    }),
  );
}

async function transaction<T>(connection: Kysely<Tables>, begin: 'begin' | 'begin immediate', work: () => Promise<T>): Promise<T> {
  await patiently(() => beginWith(connection, begin));
  try {
    const result = await work();
    await sql`commit`.execute(connection);
    return result;
  } catch (error) {
    await rollBack(connection);
    throw error;
  }
}

async function beginWith(connection: Kysely<Tables>, begin: 'begin' | 'begin immediate'): Promise<void> {
  await sql.raw(begin).execute(connection);
  if (begin === 'begin immediate') return;
  try {
    // a transaction that only reads takes its lock with the first look; for a moment even readers are barred, while
    // another process opens the store after a crash or is the last to close it
    await sql`select 1 from sqlite_master limit 1`.execute(connection);
  } catch (error) {
    await rollBack(connection);
    throw error;
  }
}

async function rollBack(connection: Kysely<Tables>): Promise<void> {
  try {
    await sql`rollback`.execute(connection);
  } catch {
    // SQLite has rolled back already, as it does when the disk is full; the first error is the one that matters
  }
}

async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (const start = performance.now(); ; ) {
    try {
      return await attempt();
    } catch (error) {
      const busy = error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY');
      if (!busy || performance.now() - start > PATIENCE_MS) throw error;
      await sleep(5 + Math.random() * 20);
    }
  }
}

async function guarded<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError || !(error instanceof Error)) throw error;
    throw storeError(file, error);
  }
}

function storeError(file: string, cause: Error & { code?: unknown }): Error {
  const code = typeof cause.code === 'string' ? cause.code : '';
  if (code.startsWith('SQLITE_BUSY')) return new AppError('ca/store-busy', `${file} is in use by another process for too long`, { cause, hint: 'try again' });
  if (code.startsWith('SQLITE_FULL')) return new AppError('ca/store-full', `no space left for ${file}; nothing was recorded and nothing issued`, { cause, hint: 'free some space on that disk' });
  if (code.startsWith('SQLITE_READONLY')) return new AppError('ca/store-read-only', `${file} cannot be written`, { cause, hint: 'check who owns the folder and how it is mounted' });
  if (code.startsWith('SQLITE_CANTOPEN')) return usageError('ca/missing', `${file} cannot be opened`, { cause, hint: 'see ca.directory in ensign.yaml; `ensign init` makes a workspace' });
  if (code.startsWith('SQLITE_IOERR')) return new AppError('ca/store-io', `${file} cannot be read or written (${code}); nothing was recorded and nothing issued`, { cause, hint: 'look at the disk' });
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return damaged(file, code, cause);
  return cause;
}

function damaged(file: string, why: string, cause?: unknown): AppError {
  return usageError('ca/store-damaged', `${file} is damaged (${why})`, { cause, hint: 'keep the file and its -wal for an inquiry, and restore a backup' });
}

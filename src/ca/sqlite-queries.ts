import type Database from 'better-sqlite3';
import type { Kysely } from 'kysely';
import { AppError } from '../base/errors.ts';
import type { Tables } from './sqlite-schema.ts';
import type { StoredCertificate, StoredClaim, StoreReader, StoreWriter } from './store.ts';

/**
 * What is asked for every certificate, prepared once for a connection: building and preparing a statement takes longer
 * than running it. Everything else is asked rarely and built by Kysely.
 */
export interface HotStatements {
  readonly append: Database.Statement<[number, string, string]>;
  readonly addCertificate: Database.Statement<[string, number, string | null, number, string]>;
  readonly claim: Database.Statement<[string, string], Tables['claims']>;
}

/** For the connection that Kysely works on, so that they take part in its transactions. */
export function prepareHotStatements(database: Database.Database): HotStatements {
  return {
    append: database.prepare('insert into ledger (seq, body, hash) values (?, ?, ?)'),
    addCertificate: database.prepare('insert into certificates (serial, seq, host_id, valid_before, line) values (?, ?, ?, ?, ?)'),
    claim: database.prepare('select kind, value, host_id, since from claims where kind = ? and value = ?'),
  };
}

export function sqliteReader(db: Kysely<Tables>, hot: HotStatements): StoreReader {
  return {
    records: (after, limit) => db.selectFrom('ledger').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute(),
    lastRecord: () => db.selectFrom('ledger').selectAll().orderBy('seq', 'desc').limit(1).executeTakeFirst(),
    signedHead: () => db.selectFrom('ledger_head').select(['seq', 'hash', 'authority', 'signature']).executeTakeFirst(),
    async serials(afterSeq, upToSeq) {
      const rows = await db.selectFrom('certificates').selectAll().where('seq', '>', afterSeq).where('seq', '<=', upToSeq).orderBy('seq').execute();
      return rows.map(readCertificate);
    },
    async certificatesOfHost(hostId) {
      const rows = await db.selectFrom('certificates').selectAll().where('host_id', '=', hostId).orderBy('seq').execute();
      return rows.map(readCertificate);
    },
    claims: (of) =>
      immediately(() =>
        of.flatMap(({ kind, value }) => {
          const row = hot.claim.get(kind, value);
          return row === undefined ? [] : [readClaim(row)];
        }),
      ),
    async claimsOfHost(hostId) {
      const rows = await db.selectFrom('claims').selectAll().where('host_id', '=', hostId).orderBy('kind').orderBy('value').execute();
      return rows.map(readClaim);
    },
    async authorities() {
      const rows = await db.selectFrom('authorities').selectAll().execute();
      return rows.map((row) => ({ purpose: row.purpose, fingerprint: row.fingerprint, createdAt: row.created_at }));
    },
  };
}

export function sqliteWriter(db: Kysely<Tables>, hot: HotStatements): StoreWriter {
  return {
    ...sqliteReader(db, hot),
    append: ({ seq, body, hash }) => immediately(() => void hot.append.run(seq, body, hash)),
    async setSignedHead(head) {
      await db
        .insertInto('ledger_head')
        .values({ id: 1, ...head })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(head))
        .execute();
    },
    addCertificate: ({ serial, seq, hostId, validBefore, line }) =>
      immediately(() => {
        try {
          hot.addCertificate.run(serial, seq, hostId, validBefore, line);
        } catch (cause) {
          throw isTaken(cause) ? serialRepeated(serial, cause) : cause;
        }
      }),
    async addClaims(claims) {
      if (claims.length === 0) return;
      const rows = claims.map(({ kind, value, hostId, since }) => ({ kind, value, host_id: hostId, since }));
      await db.insertInto('claims').values(rows).execute();
    },
    async removeClaimsOfHost(hostId) {
      await db.deleteFrom('claims').where('host_id', '=', hostId).execute();
    },
    async addAuthority({ purpose, fingerprint, createdAt }) {
      await db.insertInto('authorities').values({ purpose, fingerprint, created_at: createdAt }).execute();
    },
  };
}

/** What better-sqlite3 does at once, as the port has it; what it throws is a rejection. */
function immediately<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

function isTaken(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'SQLITE_CONSTRAINT_PRIMARYKEY';
}

function serialRepeated(serial: string, cause: unknown): AppError {
  return new AppError('ca/serial-repeated', `serial ${BigInt(`0x${serial}`).toString()} was given out before`, {
    cause,
    hint: 'the source of random numbers of this machine cannot be trusted: find out why before you issue anything',
  });
}

function readCertificate(row: Tables['certificates']): StoredCertificate {
  return { serial: row.serial, seq: row.seq, hostId: row.host_id, validBefore: row.valid_before, line: row.line };
}

function readClaim(row: Tables['claims']): StoredClaim {
  return { kind: row.kind, value: row.value, hostId: row.host_id, since: row.since };
}

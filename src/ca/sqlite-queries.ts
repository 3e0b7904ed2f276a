import type { Kysely } from 'kysely';
import { AppError } from '../base/errors.ts';
import type { Tables } from './sqlite-schema.ts';
import type { StoredCertificate, StoredClaim, StoreReader, StoreWriter } from './store.ts';

export function sqliteReader(db: Kysely<Tables>): StoreReader {
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
    async claims(of) {
      const found: StoredClaim[] = [];
      for (const { kind, value } of of) {
        const row = await db.selectFrom('claims').selectAll().where('kind', '=', kind).where('value', '=', value).executeTakeFirst();
        if (row !== undefined) found.push(readClaim(row));
      }
      return found;
    },
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

export function sqliteWriter(db: Kysely<Tables>): StoreWriter {
  return {
    ...sqliteReader(db),
    async append({ seq, body, hash }) {
      await db.insertInto('ledger').values({ seq, body, hash }).execute();
    },
    async setSignedHead(head) {
      await db
        .insertInto('ledger_head')
        .values({ id: 1, ...head })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(head))
        .execute();
    },
    async addCertificate({ serial, seq, hostId, validBefore, line }) {
      const taken = await db.selectFrom('certificates').select('serial').where('serial', '=', serial).executeTakeFirst();
      if (taken !== undefined) {
        throw new AppError('ca/serial-repeated', `serial ${BigInt(`0x${serial}`).toString()} was given out before`, {
          hint: 'the source of random numbers of this machine cannot be trusted: find out why before you issue anything',
        });
      }
      await db.insertInto('certificates').values({ serial, seq, host_id: hostId, valid_before: validBefore, line }).execute();
    },
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

function readCertificate(row: Tables['certificates']): StoredCertificate {
  return { serial: row.serial, seq: row.seq, hostId: row.host_id, validBefore: row.valid_before, line: row.line };
}

function readClaim(row: Tables['claims']): StoredClaim {
  return { kind: row.kind, value: row.value, hostId: row.host_id, since: row.since };
}

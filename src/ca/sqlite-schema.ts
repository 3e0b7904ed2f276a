import { sql, type Kysely } from 'kysely';
import type { Purpose } from './authority.ts';

export interface Tables {
  authorities: { purpose: Purpose; fingerprint: string; created_at: number };
  ledger: { seq: number; body: string; hash: string };
  ledger_head: { id: 1; seq: number; hash: string; authority: string; signature: string };
  certificates: { serial: string; seq: number; host_id: string | null; valid_before: number; line: string };
  claims: { kind: 'name' | 'key'; value: string; host_id: string; since: number };
}

/** One list of statements for each version of the schema; never changed once released, only added to. */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `create table authorities (purpose text primary key check (purpose in ('user', 'host')), fingerprint text not null unique, created_at integer not null) strict`,
    `create table ledger (seq integer primary key check (seq > 0), body text not null, hash text not null unique) strict`,
    `create table ledger_head (id integer primary key check (id = 1), seq integer not null, hash text not null, authority text not null, signature text not null) strict`,
    `create table certificates (serial text primary key check (length(serial) = 16), seq integer not null references ledger (seq), host_id text, valid_before integer not null, line text not null) strict`,
    `create index certificates_by_host on certificates (host_id) where host_id is not null`,
    `create index certificates_by_seq on certificates (seq)`,
    `create table claims (kind text not null check (kind in ('name', 'key')), value text not null, host_id text not null, since integer not null, primary key (kind, value)) strict`,
    `create index claims_by_host on claims (host_id)`,
    // a guard against mistakes, not against whoever owns the file: that is what the chain and its signed head are for
    ...['ledger', 'certificates', 'authorities'].flatMap((table) =>
      ['update', 'delete'].map((verb) => `create trigger ${table}_no_${verb} before ${verb} on ${table} begin select raise(abort, '${table} is append-only'); end`),
    ),
  ],
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings a store from an older version of the schema to the newest, inside the caller's transaction. */
export async function upgrade(db: Kysely<Tables>, from: number): Promise<void> {
  for (const statement of MIGRATIONS.slice(from).flat()) await sql.raw(statement).execute(db);
  await sql.raw(`pragma user_version = ${SCHEMA_VERSION}`).execute(db);
}

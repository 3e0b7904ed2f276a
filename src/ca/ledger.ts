import { createHash } from 'node:crypto';
import type { Signer } from './authority.ts';
import { headToBeSigned } from './ledger-head.ts';
import { fingerprint } from '../wire/public-key.ts';
import type { StoredRecord, StoreWriter } from './store.ts';

/** Something that happened, before it has its place in the chain. */
export interface LedgerEvent {
  /** `issue`, `refusal`, `authority-created`, `claims-released`, ... */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One record of the ledger, read. */
export interface LedgerRecord extends LedgerEvent {
  readonly v: 1;
  readonly seq: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly at: string;
  /** Hash of the record before; zeros for the first. */
  readonly prev: string;
  readonly hash: string;
}

export const FIRST_PREV = '0'.repeat(64);

/**
 * Adds events to the chain and signs its new head, all inside the caller's transaction: the ledger never tells of
 * something that was not done, and nothing is done that it does not tell. Returns the number of the first new record.
 */
export async function appendToLedger(store: StoreWriter, signer: Signer, nowMs: number, events: readonly LedgerEvent[]): Promise<LedgerRecord[]> {
  let last = await store.lastRecord();
  const records: LedgerRecord[] = [];
  for (const event of events) {
    const record = nextRecord(last, nowMs, event);
    await store.append(record.stored);
    records.push(record.read);
    last = record.stored;
  }
  if (last !== undefined) {
    const { seq, hash } = last;
    const signature = await signer.sign(headToBeSigned(seq, hash));
    await store.setSignedHead({ seq, hash, authority: fingerprint(signer.publicKey), signature: Buffer.from(signature).toString('base64') });
  }
  return records;
}

/** Hex SHA-256 of a record's exact text. The prefix keeps it from being the hash of anything else. */
export function hashRecord(body: string): string {
  return createHash('sha256').update('ensign-ledger-v1\0').update(body).digest('hex');
}

function nextRecord(last: StoredRecord | undefined, nowMs: number, { event, data }: LedgerEvent): { stored: StoredRecord; read: LedgerRecord } {
  const fields = { v: 1, seq: (last?.seq ?? 0) + 1, at: new Date(nowMs).toISOString(), prev: last?.hash ?? FIRST_PREV, event, data } as const;
  const body = JSON.stringify(fields);
  const hash = hashRecord(body);
  return { stored: { seq: fields.seq, body, hash }, read: { ...fields, hash } };
}

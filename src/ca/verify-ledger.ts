import { verifySignature } from '../wire/signature.ts';
import type { Authority } from './authority.ts';
import { lineDigest } from './issue.ts';
import { FIRST_PREV, hashRecord, type LedgerRecord } from './ledger.ts';
import { headToBeSigned } from './ledger-head.ts';
import type { SignedHead, StoredCertificate, StoredRecord, StoreReader } from './store.ts';

export type LedgerProblemCode =
  | 'empty' // not even the making of the authorities is told
  | 'edited' // a record is not what was hashed
  | 'missing' // a number was left out
  | 'reordered' // a record stands in another's place
  | 'broken-chain' // a record does not follow the one before it
  | 'cut' // the signed head is beyond the last record
  | 'unsigned-tail' // records after the signed head: added by somebody without a key
  | 'rewritten' // another record stands where the signed head, or a head noted earlier, was
  | 'head-missing'
  | 'head-foreign' // signed by a key that is no authority
  | 'head-forged' // the signature does not verify
  | 'certificate-missing' // told of, but not in the list of serials
  | 'certificate-unrecorded' // in the list of serials, but not told of
  | 'certificate-changed'; // not the one that was told of

export interface LedgerProblem {
  readonly code: LedgerProblemCode;
  /** The record it is about. */
  readonly seq?: number;
  readonly message: string;
}

export interface LedgerReport {
  readonly records: number;
  readonly certificates: number;
  readonly head: SignedHead | undefined;
  /** At most 100. */
  readonly problems: readonly LedgerProblem[];
}

export interface VerifyOptions {
  readonly authorities: readonly Authority[];
  /** A head that was noted elsewhere: only such a one shows that a whole store was replaced by an older copy of itself. */
  readonly knownHead?: { readonly seq: number; readonly hash: string } | undefined;
}

const PAGE = 1000;
const MOST_PROBLEMS = 100;

/** Goes through the whole chain and the list of serials, inside one consistent view of the store. */
export async function verifyLedger(store: StoreReader, options: VerifyOptions): Promise<LedgerReport> {
  const problems: LedgerProblem[] = [];
  const report = (code: LedgerProblemCode, message: string, seq?: number): void => {
    if (problems.length < MOST_PROBLEMS) problems.push({ code, message, ...(seq === undefined ? {} : { seq }) });
  };
  const head = await store.signedHead();
  const marks = new Map<number, string>();
  let last: StoredRecord | undefined;
  let records = 0;
  let certificates = 0;
  for (;;) {
    const page = await store.records(last?.seq ?? 0, PAGE);
    const end = page.at(-1);
    if (end === undefined) break;
    const rows = bySeq(await store.serials(last?.seq ?? 0, end.seq));
    for (const record of page) {
      checkLink(record, last, report);
      certificates += checkCertificate(record, rows.get(record.seq) ?? [], report);
      if (record.seq === head?.seq || record.seq === options.knownHead?.seq) marks.set(record.seq, record.hash);
      last = record;
      records++;
    }
  }
  for (const row of await store.serials(last?.seq ?? 0, Number.MAX_SAFE_INTEGER)) report('certificate-unrecorded', `serial ${decimal(row.serial)} is listed, but no record tells of it`, row.seq);
  checkHead(head, last, marks, options, report);
  return { records, certificates, head, problems };
}

type Report = (code: LedgerProblemCode, message: string, seq?: number) => void;

function checkLink(record: StoredRecord, before: StoredRecord | undefined, report: Report): void {
  const { seq } = record;
  const expected = (before?.seq ?? 0) + 1;
  if (seq !== expected) report('missing', expected === seq - 1 ? `record ${expected} is missing` : `records ${expected} to ${seq - 1} are missing`, seq);
  if (hashRecord(record.body) !== record.hash) report('edited', `record ${seq} was edited`, seq);
  const read = readRecord(record);
  if (read === undefined) {
    report('edited', `record ${seq} cannot be read`, seq);
    return;
  }
  if (read.seq !== seq) report('reordered', `record ${read.seq} stands in the place of ${seq}`, seq);
  if (read.prev !== (before?.hash ?? FIRST_PREV)) report('broken-chain', `record ${seq} does not follow the record before it`, seq);
}

/** Returns how many certificates the record tells of: one or none. */
function checkCertificate(record: StoredRecord, rows: readonly StoredCertificate[], report: Report): number {
  const read = readRecord(record);
  const serial = read?.event === 'issue' && typeof read.data['serial'] === 'string' ? read.data['serial'] : undefined;
  const row = rows.find((r) => decimal(r.serial) === serial);
  for (const other of rows) if (other !== row) report('certificate-unrecorded', `serial ${decimal(other.serial)} is listed, but record ${record.seq} does not tell of it`, record.seq);
  if (serial === undefined) return 0;
  if (row === undefined) report('certificate-missing', `record ${record.seq} tells of serial ${serial}, which is not listed`, record.seq);
  else if (lineDigest(row.line) !== read?.data['sha256']) report('certificate-changed', `the certificate with serial ${serial} is not the one that record ${record.seq} tells of`, record.seq);
  return 1;
}

function checkHead(head: SignedHead | undefined, last: StoredRecord | undefined, marks: ReadonlyMap<number, string>, { authorities, knownHead }: VerifyOptions, report: Report): void {
  if (last === undefined) report('empty', 'the ledger is empty');
  if (knownHead !== undefined && marks.get(knownHead.seq) !== knownHead.hash) {
    report(knownHead.seq > (last?.seq ?? 0) ? 'cut' : 'rewritten', `record ${knownHead.seq} is not the one that was noted`, knownHead.seq);
  }
  if (head === undefined) {
    report('head-missing', 'the newest record is not signed');
    return;
  }
  const authority = authorities.find((a) => a.fingerprint === head.authority);
  if (authority === undefined) report('head-foreign', `the head is signed by ${head.authority}, which is no authority here`, head.seq);
  else if (!verifySignature(authority.publicKey, headToBeSigned(head.seq, head.hash), Buffer.from(head.signature, 'base64'))) report('head-forged', 'the signature of the head does not verify', head.seq);
  if (last === undefined || head.seq > last.seq) report('cut', `the ledger ends at record ${last?.seq ?? 0}, but record ${head.seq} was signed as its head: the end was cut off`, head.seq);
  else if (head.seq < last.seq) report('unsigned-tail', `records after ${head.seq} are not signed`, head.seq + 1);
  if (last !== undefined && head.seq <= last.seq && marks.get(head.seq) !== head.hash) report('rewritten', `record ${head.seq} is not the one that was signed as the head`, head.seq);
}

/** A record as it was written; undefined when the text is none. */
export function readRecord({ body, hash }: StoredRecord): LedgerRecord | undefined {
  try {
    const value = JSON.parse(body) as Partial<LedgerRecord> | null;
    const whole = value?.v === 1 && typeof value.seq === 'number' && typeof value.at === 'string' && typeof value.prev === 'string' && typeof value.event === 'string' && typeof value.data === 'object';
    return whole ? ({ ...value, hash } as LedgerRecord) : undefined;
  } catch {
    return undefined;
  }
}

function bySeq(rows: readonly StoredCertificate[]): Map<number, StoredCertificate[]> {
  const map = new Map<number, StoredCertificate[]>();
  for (const row of rows) map.set(row.seq, [...(map.get(row.seq) ?? []), row]);
  return map;
}

function decimal(serial: string): string {
  return /^[0-9a-f]{16}$/.test(serial) ? BigInt(`0x${serial}`).toString() : serial;
}

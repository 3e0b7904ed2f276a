import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { AppError, EXIT, type ExitCode } from '../base/errors.ts';
import { plural, printable } from '../base/text.ts';
import type { LedgerRecord } from '../ca/ledger.ts';
import type { Store, StoredRecord } from '../ca/store.ts';
import type { CommandFactory } from './program.ts';
import { wholeNumber } from './fleet-flags.ts';
import { paint, type Io } from './io.ts';
import { finish } from './run.ts';
import { addWorkspaceFlag, findWorkspace, type WorkspaceFlags } from './workspace.ts';
import { readWorkspaceAuthorities } from './workspace-ca.ts';

interface LogFlags extends WorkspaceFlags {
  readonly follow?: boolean;
  readonly last?: number;
  readonly json?: boolean;
}

export const caLogCommand: CommandFactory = (io) => {
  const command = new Command('log')
    .description('show the ledger: everything issued, refused and released, oldest first')
    .option('-f, --follow', 'keep showing what is added, until interrupted')
    .option('--last <n>', 'begin with the last n records', wholeNumber(0, 1_000_000))
    .option('--json', 'one JSON object a record');
  return addWorkspaceFlag(command).action((flags: LogFlags) => finish(io, flags.json === true, () => log(io, flags)));
};

interface VerifyFlags extends WorkspaceFlags {
  readonly head?: { seq: number; hash: string };
  readonly json?: boolean;
}

export const caVerifyLogCommand: CommandFactory = (io) => {
  const command = new Command('verify-log')
    .description('check the whole ledger for edits, cuts, changes of order and certificates that it does not tell of')
    .option('--head <seq:hash>', 'a head noted earlier (from --json), which must still be in the chain', parseHead)
    .option('--json', 'one JSON object on stdout');
  return addWorkspaceFlag(command).action((flags: VerifyFlags) => finish(io, flags.json === true, () => verify(io, flags)));
};

const PAGE = 500;
const POLL_MS = 500;

async function log(io: Io, flags: LogFlags): Promise<ExitCode> {
  const { withStore } = await import('../ca/open.ts');
  const { readRecord } = await import('../ca/verify-ledger.ts');
  const workspace = await findWorkspace(io, flags);
  return withStore(workspace.caDirectory, async (store) => {
    const newest = flags.last === undefined ? undefined : await store.read((reader) => reader.lastRecord());
    let seen = Math.max(0, (newest?.seq ?? 0) - (flags.last ?? 0));
    for (;;) {
      for (let page = await pageOf(store, seen); page.length > 0; page = await pageOf(store, seen)) {
        for (const record of page) {
          io.out(flags.json === true ? jsonLine(record, readRecord(record)) : textLine(io, record, readRecord(record)));
          seen = record.seq;
        }
      }
      if (flags.follow !== true) return EXIT.good;
      await sleep(POLL_MS, undefined, { signal: io.interrupted }).catch(() => undefined);
      if (io.interrupted.aborted) return EXIT.interrupted;
    }
  });
}

function pageOf(store: Store, after: number): Promise<StoredRecord[]> {
  return store.read((reader) => reader.records(after, PAGE));
}

function jsonLine({ seq, hash }: StoredRecord, read: LedgerRecord | undefined): string {
  return JSON.stringify(read ?? { seq, hash, event: 'unreadable' });
}

function textLine(io: Io, { seq }: StoredRecord, read: LedgerRecord | undefined): string {
  if (read === undefined) return `${seq}  unreadable: run \`ensign ca verify-log\``;
  const { data } = read;
  const tone = read.event === 'refusal' ? 'warn' : 'bold';
  const who = text(data['who']);
  const rest = [...(who === '' ? [] : [who]), what(read)].join('  ');
  return [`${read.seq}`, printable(read.at), paint(io, tone, printable(read.event)), printable(rest)].join('  ');
}

function what({ event, data }: LedgerRecord): string {
  if (event === 'issue') return `${text(data['profile'])} ${list(data['principals'])} serial=${text(data['serial'])} until=${text(data['validBefore'])}${data['host'] === undefined ? '' : ` host=${text(data['host'])}`} id=${text(data['keyId'])}`;
  if (event === 'refusal') return `${text(data['profile'])} ${list(data['principals'])}: ${Array.isArray(data['findings']) ? data['findings'].map((f: { message?: unknown }) => text(f.message)).join('; ') : ''}`;
  if (event === 'authority-created') return `${text(data['purpose'])} ${text(data['fingerprint'])}`;
  if (event === 'claims-released') return `${text(data['host'])}: ${list(data['names'])} ${list(data['keys'])}`;
  return JSON.stringify(data);
}

async function verify(io: Io, flags: VerifyFlags): Promise<ExitCode> {
  const { withStore } = await import('../ca/open.ts');
  const { verifyLedger } = await import('../ca/verify-ledger.ts');
  const workspace = await findWorkspace(io, flags);
  const authorities = Object.values(await readWorkspaceAuthorities(workspace));
  const report = await withStore(workspace.caDirectory, (store) => store.read((reader) => verifyLedger(reader, { authorities, knownHead: flags.head })));
  const { problems, records, certificates, head } = report;
  if (flags.json === true) io.out(JSON.stringify({ sound: problems.length === 0, records, certificates, head, problems }));
  if (problems.length > 0) {
    if (flags.json !== true) for (const problem of problems) io.out(`${paint(io, 'bad', problem.code)}  ${printable(problem.message)}`);
    throw new AppError('ca/ledger-unsound', `the ledger is not what was written: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`, {
      hint: 'keep a copy of the ca folder for an inquiry before you do anything else, then compare with a backup',
    });
  }
  if (flags.json !== true && head !== undefined) io.out(`${paint(io, 'good', 'sound')}: ${plural(records, 'record')}, ${plural(certificates, 'certificate')}, head ${head.seq}:${head.hash} signed by ${head.authority}`);
  return EXIT.good;
}

function parseHead(value: string): { seq: number; hash: string } {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(value) ?? [];
  if (seq === undefined || hash === undefined) throw new InvalidArgumentError('expected SEQ:HASH as `ensign ca verify-log` prints it');
  return { seq: Number(seq), hash };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function list(value: unknown): string {
  return Array.isArray(value) ? value.map(text).join(',') : '';
}

import { AppError } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { CommandResult, HostSession } from '../ssh/session.ts';
import { INTENDED_KEYWORDS, PATHS } from '../sshd/drop-in.ts';
import { readTemplate, renderTemplate } from '../sshd/templates-adapter.ts';
import type { HostFacts, ReloadMethod } from './facts.ts';
import type { Change, HostPlan } from './plan-types.ts';
import { completeScript, heredoc, parseResult, shellFunction } from './script.ts';
import { formatState, type HostState } from './state.ts';

/** One change of one host, from staged to confirmed or undone. */
export interface Transaction {
  /** 16 hex digits: part of the names of units and folders on the host. */
  readonly id: string;
  /** Random word for marks and here-documents; never a word of the host's. */
  readonly mark: string;
  readonly plan: HostPlan;
  /** Certificate path -> its line, as issued for this plan. */
  readonly certificates: ReadonlyMap<string, string>;
  /** Who does this and why, for whoever finds the lock. One printable line. */
  readonly owner: string;
  /** Seconds until the watchdog undoes what was not confirmed: 5 to 600. */
  readonly undoAfter: number;
  /** Logins whose effective configuration is compared before and after. */
  readonly logins: readonly string[];
}

/** How long a host may take to stage, besides the time until its watchdog runs. */
export const STAGE_MS = 30_000;

export type StageResult =
  | { readonly kind: 'armed' }
  /** Nothing live was changed. */
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | { readonly kind: 'rolled-back'; readonly code: string; readonly detail: string }
  /** No answer: the host knows, we do not. */
  | { readonly kind: 'lost'; readonly detail: string };

/** Stages, arms the watchdog, swaps the files, validates and reloads: one exec. Never throws for what the host answers. */
export async function stage(session: HostSession, transaction: Transaction): Promise<StageResult> {
  const { mark, id, undoAfter, owner, plan, logins } = transaction;
  const { facts } = plan;
  const argv = ['sh', '-s', '--', mark, id, String(undoAfter), owner, reloadWords(facts.reload), listenerWords(facts), INTENDED_KEYWORDS.join(','), facts.connection, ...logins];
  const answer = await settle(session.run(argv, { stdin: stageScript(transaction), become: true, timeoutMs: undoAfter * 1000 + STAGE_MS }));
  if (answer instanceof AppError) return { kind: 'lost', detail: answer.message };
  const result = parseResult(answer.stdout, mark);
  switch (result?.word) {
    case 'armed':
      return { kind: 'armed' };
    case 'refused':
    case 'rolled-back':
      return { kind: result.word, code: `host/${result.code}`, detail: printable(result.detail) };
    default:
      return { kind: 'lost', detail: `the host gave no result (exit ${answer.code ?? answer.signal ?? '?'}): ${printable(answer.stderr.trim().slice(-200))}` };
  }
}

export type ConfirmResult = { readonly kind: 'confirmed' } | { readonly kind: 'failed'; readonly detail: string } | { readonly kind: 'rolled-back'; readonly detail: string } | { readonly kind: 'lost'; readonly detail: string };

/** Makes the change stay, on the connection that proved it: disarms the watchdog and writes the state file. */
export async function confirm(session: HostSession, transaction: Pick<Transaction, 'id' | 'mark'>, state: HostState): Promise<ConfirmResult> {
  const script = completeScript(readTemplate('host/confirm.sh'), [shellFunction('state', heredoc('cat', formatState(state), transaction.mark))]);
  const answer = await settle(session.run(['sh', '-s', '--', transaction.mark, transaction.id], { stdin: script, become: true, timeoutMs: 30_000 }));
  if (answer instanceof AppError) return { kind: 'lost', detail: answer.message };
  const result = parseResult(answer.stdout, transaction.mark);
  if (result?.word === 'confirmed') return { kind: 'confirmed' };
  if (result?.word === 'rolled-back') return { kind: 'rolled-back', detail: printable(result.code) };
  // the change is armed as before: whoever has a way in can undo it now
  if (result?.word === 'failed') return { kind: 'failed', detail: printable(result.code) };
  return { kind: 'lost', detail: `the host gave no answer to the confirmation (exit ${answer.code ?? answer.signal ?? '?'})` };
}

/** Undoes the change now, without waiting for the watchdog. True when the host says that it is done. */
export async function undo(session: HostSession, id: string, reason: string): Promise<boolean> {
  const folder = `${PATHS.state}/transactions/${id}`;
  const answer = await settle(session.run(['sh', `${folder}/undo.sh`, reason], { become: true, timeoutMs: 60_000 }));
  if (answer instanceof AppError) return false;
  const done = await settle(session.run(['test', '-e', `${folder}/rolled-back`], { become: true, timeoutMs: 30_000 }));
  return !(done instanceof AppError) && done.code === 0;
}

function stageScript(transaction: Transaction): string {
  const { plan, id, mark } = transaction;
  const directory = `${PATHS.state}/transactions/${id}`;
  const rows = [
    ...plan.directories.map(({ path, mode }) => ({ operation: 'directory', mode, before: '-', path, text: undefined })),
    ...plan.changes.map((change) => {
      const text = change.kind === 'file' ? change.after : certificateText(transaction, change);
      return { operation: text === undefined ? 'remove' : 'write', mode: change.kind === 'file' ? change.mode : '644', before: change.beforeSha256 ?? 'absent', path: change.path, text };
    }),
  ];
  const manifest = rows.map((row, i) => `${[String(i), row.operation, row.mode, row.before, checkedPath(row.path)].join('\t')}\n`).join('');
  const files = [
    heredoc('cat >"$1/undo.sh"', readTemplate('host/undo.sh'), mark),
    ...rows.flatMap((row, i) => (row.text === undefined ? [] : [heredoc(`cat >"$1/new.${i}"`, row.text, mark)])),
  ];
  const expected = plan.directives.map(({ keyword, value }) => `${keyword.toLowerCase()} ${value}\n`).join('');
  return completeScript(readTemplate('host/stage.sh'), [
    shellFunction('manifest', heredoc('cat', manifest, mark)),
    shellFunction('files', files.join('')),
    shellFunction('expected', heredoc('cat', expected, mark)),
    shellFunction('boot_unit', heredoc('cat', renderTemplate('host/boot-undo.service.hbs', { id, directory }), mark)),
  ]);
}

function certificateText({ certificates }: Transaction, change: Change): string {
  const line = certificates.get(change.path);
  if (line === undefined) throw new AppError('host/certificate-missing', `no certificate was issued for ${change.path}`);
  return `${line}\n`;
}

function checkedPath(path: string): string {
  if (!/^\/[\x21-\x7e]+$/.test(path)) throw new AppError('host/path', `${printable(path)} is not a path that ensign writes to`);
  return path;
}

function reloadWords(method: ReloadMethod | undefined): string {
  if (method === undefined) throw new AppError('host/no-listener', 'the plan does not know how to reload sshd');
  switch (method.kind) {
    case 'systemd':
      return `systemd ${method.unit}`;
    case 'signal':
      return `signal ${method.pid}`;
    case 'socket':
      return 'socket -';
  }
}

function listenerWords(facts: HostFacts): string {
  return [facts.sshdPath, ...(facts.listenerArguments ?? [])].join(' ');
}

// a lost session or a time-out is an outcome of a transaction, not the end of the program
async function settle(running: Promise<CommandResult>): Promise<CommandResult | AppError> {
  try {
    return await running;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

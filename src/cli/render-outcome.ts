import type { HostOutcome, OutcomeKind } from '../host/outcome.ts';
import { plural, printable } from '../base/text.ts';
import { paint, type Io, type Tone } from './io.ts';
import { table } from './table.ts';

const TONE: Readonly<Record<OutcomeKind, Tone>> = { unchanged: 'dim', changed: 'good', 'rolled-back': 'warn', failed: 'bad', unreachable: 'bad', skipped: 'dim', unknown: 'bad' };
const ORDER: readonly OutcomeKind[] = ['changed', 'unchanged', 'rolled-back', 'failed', 'unreachable', 'unknown', 'skipped'];

/** One line a host with outcome and reason, then what to do about those that went wrong, then the count. */
export function renderOutcomes(io: Pick<Io, 'colour'>, outcomes: readonly HostOutcome[]): string[] {
  const rows = outcomes.map((o) => [o.name, paint(io, TONE[o.kind], o.kind), `${(o.milliseconds / 1000).toFixed(1)} s`, printable(o.code === undefined ? o.summary : `${o.summary} [${o.code}]`)]);
  const hints = new Map<string, string[]>();
  for (const { hint, name } of outcomes) if (hint !== undefined) hints.set(hint, [...(hints.get(hint) ?? []), name]);
  return [
    ...table(io, ['HOST', 'OUTCOME', 'TIME', 'WHAT HAPPENED'], rows),
    ...[...hints].flatMap(([hint, names], i) => [...(i === 0 ? [''] : []), `${paint(io, 'dim', 'hint')}  ${names.length > 3 ? plural(names.length, 'host') : names.join(', ')}: ${printable(hint)}`]),
    '',
    countLine(outcomes),
  ];
}

/** The outcome as data. */
export function outcomeJson(outcome: HostOutcome): object {
  const { hostId, name, kind, summary, code, hint, serials, milliseconds, plan } = outcome;
  return { host: hostId, name, outcome: kind, summary, code, hint, serials, milliseconds, notices: plan?.notices ?? [], refusals: plan?.refusals ?? [] };
}

function countLine(outcomes: readonly HostOutcome[]): string {
  const counts = ORDER.map((kind) => [kind, outcomes.filter((o) => o.kind === kind).length] as const).filter(([, n]) => n > 0);
  const nothing = outcomes.every((o) => o.kind === 'unchanged') ? ': nothing to do, every host is as it should be' : '';
  return `${plural(outcomes.length, 'host')}: ${counts.map(([kind, n]) => `${n} ${kind}`).join(', ')}${nothing}`;
}

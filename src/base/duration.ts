import { usageError } from './errors.ts';

const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 } as const;
type Unit = keyof typeof UNIT_SECONDS;

/** A length of time in whole seconds. */
export type Seconds = number;

/**
 * Parses `45s`, `15m`, `16h`, `30d`, `2w`, `1y` (365 days), or several in falling order (`1h30m`).
 * A bare number is refused: nobody agrees whether it means seconds or milliseconds.
 * @throws AppError `duration/invalid`
 */
export function parseDuration(text: string): Seconds {
  const parts = [...text.matchAll(/(\d{1,9})([smhdwy])/g)];
  const whole = parts.map((p) => p[0]).join('');
  if (parts.length === 0 || whole !== text) throw invalid(text);
  let total = 0;
  let previous = Number.POSITIVE_INFINITY;
  for (const [, digits, unit] of parts) {
    const seconds = UNIT_SECONDS[unit as Unit];
    if (seconds >= previous) throw invalid(text);
    previous = seconds;
    total += Number(digits) * seconds;
  }
  if (total === 0 || !Number.isSafeInteger(total)) throw invalid(text);
  return total;
}

/** The shortest exact form that {@link parseDuration} reads back: 5400 is `1h30m`. Units up to days. */
export function formatDuration(seconds: Seconds): string {
  let rest = Math.max(0, Math.round(seconds));
  let text = '';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / UNIT_SECONDS[unit]);
    rest -= count * UNIT_SECONDS[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return text === '' ? '0s' : text;
}

function invalid(text: string): Error {
  return usageError('duration/invalid', `${JSON.stringify(text)} is not a duration`, {
    hint: 'write a number with a unit: 45s, 15m, 16h, 30d, 2w, 1y, or 1h30m',
  });
}

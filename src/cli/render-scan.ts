import { formatDuration } from '../base/duration.ts';
import { nowSeconds } from '../base/clock.ts';
import type { AppError } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { ScanResult } from '../ssh/scan.ts';
import type { Certificate } from '../wire/certificate.ts';
import { fingerprint } from '../wire/public-key.ts';
import { paint, type Io, type Tone } from './io.ts';
import type { ScanTarget } from './scan-target.ts';

export type Verdict = 'good' | 'not checked' | 'plain key' | 'bad' | 'unreachable';

/** What a scan of one host came to. */
export interface Finding {
  readonly target: ScanTarget;
  readonly verdict: Verdict;
  readonly reason?: AppError;
  readonly scanned?: ScanResult;
}

const TONE: Readonly<Record<Verdict, Tone>> = { good: 'good', 'not checked': 'warn', 'plain key': 'warn', bad: 'bad', unreachable: 'bad' };

/** Lines for a person. */
export function renderFinding(io: Io, { target, verdict, reason, scanned }: Finding): string[] {
  const words = verdict === 'not checked' ? 'authority not checked' : verdict;
  const lines = [`${paint(io, 'bold', printable(target.text))}  ${paint(io, TONE[verdict], words)}${reason === undefined ? '' : `: ${printable(reason.message)} ${paint(io, 'dim', `[${reason.code}]`)}`}`];
  const line = (name: string, value: string): void => void lines.push(`  ${paint(io, 'dim', name.padEnd(10))} ${value}`);
  if (scanned === undefined) return lines;
  line('key', `${fingerprint(scanned.hostKey)} (${printable(scanned.hostKey.type)})`);
  const { certificate } = scanned;
  if (certificate !== undefined) {
    line('authority', fingerprint(certificate.signatureKey));
    line('names', certificate.principals.length === 0 ? '(none)' : certificate.principals.map(printable).join(', '));
    line('serial', `${certificate.serial}`);
    line('valid', `${instant(certificate.validAfter) ?? 'always'} to ${instant(certificate.validBefore) ?? 'forever'} (${timeLeft(io, certificate)})`);
    line('key id', JSON.stringify(printable(certificate.keyId)));
  }
  line('version', printable(scanned.version));
  return lines;
}

/** The same for --json. */
export function findingJson(io: Io, { target, verdict, reason, scanned }: Finding): object {
  const certificate = scanned?.certificate;
  return {
    host: target.name,
    port: target.port,
    verdict,
    reason: reason === undefined ? undefined : { code: reason.code, message: reason.message, hint: reason.hint },
    version: scanned?.version,
    algorithm: scanned?.hostKeyAlgorithm,
    key: scanned === undefined ? undefined : { type: scanned.hostKey.type, fingerprint: fingerprint(scanned.hostKey) },
    certificate: certificate === undefined ? undefined : {
      type: certificate.type,
      authority: fingerprint(certificate.signatureKey),
      principals: certificate.principals,
      serial: `${certificate.serial}`,
      keyId: certificate.keyId,
      validAfter: instant(certificate.validAfter) ?? null,
      validBefore: instant(certificate.validBefore) ?? null,
      secondsLeft: instant(certificate.validBefore) === undefined ? null : Number(certificate.validBefore) - nowSeconds(io.clock),
    },
  };
}

function timeLeft(io: Io, { validBefore }: Certificate): string {
  if (instant(validBefore) === undefined) return 'no end';
  const seconds = Number(validBefore) - nowSeconds(io.clock);
  if (seconds <= 0) return 'expired';
  // days are what one plans in; below two of them hours matter
  return `${seconds >= 172_800 ? `${Math.floor(seconds / 86_400)}d` : formatDuration(seconds)} left`;
}

/** Undefined for 0 and for what lies beyond any calendar: no limit. */
function instant(seconds: bigint): string | undefined {
  return seconds === 0n || seconds > 8_640_000_000_000n ? undefined : new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

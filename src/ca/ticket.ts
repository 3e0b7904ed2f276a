import { AppError, EXIT } from '../base/errors.ts';
import type { Candidate } from './candidate.ts';
import { LINT_RULES } from './lint/rules.ts';
import type { Finding, LintContext } from './lint/rule.ts';

const candidates = new WeakMap<LintedCertificate, Candidate>();
let mint: () => LintedCertificate;

/**
 * Proof that a candidate passed every lint rule; good for one issue. Only {@link lintCandidate} makes one: the
 * constructor is private, the private field keeps other objects from having this type, and what will be signed is kept
 * here and not in the ticket, so that nobody can change it afterwards.
 */
export class LintedCertificate {
  readonly #brand: string;

  private constructor() {
    this.#brand = 'linted certificate';
  }

  static {
    mint = () => new LintedCertificate();
  }

  toString(): string {
    return `[${this.#brand}]`;
  }
}

/** All that is wrong with a candidate. */
export class RefusedError extends AppError {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super('ca/refused', `the certificate is refused: ${findings.map((f) => `${f.message} (${f.rule})`).join('; ')}`, {
      exit: EXIT.usage,
      hint: 'ask for what the profile allows; profiles are defined in ensign.yaml',
    });
    this.findings = findings;
  }
}

/** @throws RefusedError `ca/refused` with the findings of every rule */
export function lintCandidate(candidate: Candidate, context: LintContext): LintedCertificate {
  // a copy, so that what is signed is what was looked at
  const checked = structuredClone(candidate);
  const findings = LINT_RULES.flatMap((rule) => rule.check(checked, context).map((message) => ({ rule: rule.name, message })));
  if (findings.length > 0) throw new RefusedError(findings);
  const ticket = mint();
  candidates.set(ticket, checked);
  return ticket;
}

/** Takes what a ticket stands for, once. @throws AppError `ca/ticket-used` */
export function redeem(ticket: LintedCertificate): Candidate {
  const candidate = candidates.get(ticket);
  candidates.delete(ticket);
  if (candidate === undefined) {
    throw new AppError('ca/ticket-used', 'this ticket was used before, or lint did not make it', { hint: 'prepare and lint the request again' });
  }
  return candidate;
}

import { AppError, EXIT } from '../base/errors.ts';
import type { Candidate } from './candidate.ts';
import { LINT_RULES } from './lint/rules.ts';
import type { Finding, LintContext } from './lint/rule.ts';
import { snapshot } from './snapshot.ts';

let mint: (checked: Candidate) => LintedCertificate;
let take: (ticket: LintedCertificate) => Candidate | undefined;

/**
 * Proof that a candidate passed every lint rule; good for one issue. Only {@link lintCandidate} makes one: the
 * constructor is private, and the private field, which other objects do not have, holds what will be signed. It cannot
 * be reached from outside this class, so that nobody can change it afterwards.
 */
export class LintedCertificate {
  #checked: Candidate | undefined;

  // takes nothing: types alone keep nobody from calling it
  private constructor() {
    this.#checked = undefined;
  }

  static {
    mint = (checked) => {
      const ticket = new LintedCertificate();
      ticket.#checked = checked;
      return ticket;
    };
    take = (ticket) => {
      if (!(#checked in ticket)) return undefined;
      const checked = ticket.#checked;
      ticket.#checked = undefined;
      return checked;
    };
  }

  toString(): string {
    return '[linted certificate]';
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
  const checked = snapshot(candidate);
  const findings: Finding[] = [];
  for (const rule of LINT_RULES) for (const message of rule.check(checked, context)) findings.push({ rule: rule.name, message });
  if (findings.length > 0) throw new RefusedError(findings);
  return mint(checked);
}

/** Takes what a ticket stands for, once. @throws AppError `ca/ticket-used` */
export function redeem(ticket: LintedCertificate): Candidate {
  const candidate = take(ticket);
  if (candidate === undefined) {
    throw new AppError('ca/ticket-used', 'this ticket was used before, or lint did not make it', { hint: 'prepare and lint the request again' });
  }
  return candidate;
}

import type { Authority } from '../authority.ts';
import type { Candidate } from '../candidate.ts';

export interface Finding {
  /** Name of the rule, which is the name of its file. */
  readonly rule: string;
  readonly message: string;
}

export interface LintContext {
  /** The moment of the check, read from the clock anew and not taken from the candidate. */
  readonly nowSeconds: number;
  /** Every authority of the organization. */
  readonly authorities: readonly Authority[];
}

/** One thing that must hold for every certificate. Rules are pure and know nothing of each other. */
export interface LintRule {
  readonly name: string;
  /** Where it is written that it must hold: a specification, a manual, or a flaw that made it news. */
  readonly source: string;
  /** What is wrong, each as part of a sentence; empty when nothing is. */
  check(candidate: Candidate, context: LintContext): string[];
}

import { backdate } from './backdate.ts';
import { criticalOptions } from './critical-options.ts';
import { extensions } from './extensions.ts';
import { forceCommand } from './force-command.ts';
import { hostId } from './host-id.ts';
import { hostNames } from './host-names.ts';
import { keyId } from './key-id.ts';
import { lifetime } from './lifetime.ts';
import { nonce } from './nonce.ts';
import { principalsAllowed } from './principals-allowed.ts';
import { principalsPresent } from './principals-present.ts';
import { principalsUnique } from './principals-unique.ts';
import type { LintRule } from './rule.ts';
import { serial } from './serial.ts';
import { signingKey } from './signing-key.ts';
import { sourceAddress } from './source-address.ts';
import { subjectKind } from './subject-kind.ts';
import { subjectNotAuthority } from './subject-not-authority.ts';
import { subjectStrength } from './subject-strength.ts';
import { typeMatches } from './type-matches.ts';
import { userPrincipals } from './user-principals.ts';

/** Every rule, in the order in which findings are told. */
export const LINT_RULES: readonly LintRule[] = [
  typeMatches,
  signingKey,
  subjectKind,
  subjectStrength,
  subjectNotAuthority,
  principalsPresent,
  principalsUnique,
  userPrincipals,
  hostNames,
  principalsAllowed,
  hostId,
  lifetime,
  backdate,
  criticalOptions,
  sourceAddress,
  forceCommand,
  extensions,
  keyId,
  serial,
  nonce,
];

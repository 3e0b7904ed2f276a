import { isIP } from 'node:net';
import type { Purpose } from './authority.ts';
import { hostNameProblem, userPrincipalProblem } from './principal-syntax.ts';

/**
 * True when a profile's pattern allows this principal. Four forms and no others, because a glob that is almost right
 * is how `evilacme.com` gets a certificate:
 * - `*` allows every principal
 * - `*.acme.com` (host profiles) allows names below acme.com at any depth, never acme.com itself and no address
 * - `staging/*` (user profiles) allows the principals of that environment
 * - anything else allows exactly itself; host names without regard to case
 */
export function patternAllows(type: Purpose, pattern: string, principal: string): boolean {
  if (pattern === '*') return true;
  if (type === 'user') {
    if (!pattern.endsWith('/*')) return principal === pattern;
    const scope = pattern.slice(0, -1);
    return principal.startsWith(scope) && principal.length > scope.length;
  }
  const wanted = pattern.toLowerCase();
  const name = principal.toLowerCase();
  if (!wanted.startsWith('*.')) return name === wanted;
  const suffix = wanted.slice(1);
  return isIP(name) === 0 && name.endsWith(suffix) && name.length > suffix.length;
}

/** Why a pattern is not one of the forms of {@link patternAllows}; undefined when it is. */
export function patternProblem(type: Purpose, pattern: string): string | undefined {
  if (pattern === '*') return undefined;
  const bad = (why: string): string => `principal pattern ${JSON.stringify(pattern)}: ${why}`;
  const literal =
    type === 'user' ? (pattern.endsWith('/*') ? pattern.slice(0, -2) : pattern) : pattern.startsWith('*.') ? pattern.slice(2) : pattern;
  if (literal.includes('*')) return bad(type === 'user' ? 'write *, scope/* or a literal principal' : 'write *, *.domain or a literal name');
  const problem = type === 'user' ? userPrincipalProblem(literal) : hostNameProblem(literal.toLowerCase());
  return problem === undefined ? undefined : bad(problem);
}

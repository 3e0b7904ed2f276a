import { isIPv4, isIPv6 } from 'node:net';

const USER_PRINCIPAL = /^[A-Za-z0-9_][A-Za-z0-9_.@+=:/-]*$/;
const LONGEST_USER_PRINCIPAL = 128;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Why a text cannot be a principal of a person; undefined when it can. Only characters that mean nothing to a
 * principals file, to a list separated by commas, to a shell or to a log line; ASCII only, so that no two look alike.
 */
export function userPrincipalProblem(principal: string): string | undefined {
  if (principal === '') return 'it is empty';
  if (principal.startsWith('-')) return 'a leading dash can pass for an option';
  if (/[*?!]/.test(principal)) return 'wildcards are no literal principal';
  if (principal.length > LONGEST_USER_PRINCIPAL) return `it is longer than ${LONGEST_USER_PRINCIPAL} characters`;
  if (!USER_PRINCIPAL.test(principal)) return 'only letters, digits and _ . @ + = : / - are allowed, and it starts with a letter, a digit or _';
  if (principal.endsWith('/') || principal.includes('//')) return 'a part of the scope is empty';
  return undefined;
}

/**
 * Why a text cannot be a name of a host in its certificate; undefined when it can. A name is a lower-case DNS name
 * (RFC 1123, and _), an IPv4 or an IPv6 address. ssh compares it with the lower-cased name that was typed, without the
 * port (ssh_config(5) HostKeyAlias, sshconnect.c check_host_key).
 */
export function hostNameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.startsWith('-')) return 'a leading dash can pass for an option';
  if (/[*?!]/.test(name)) return 'a wildcard would vouch for hosts that nobody named';
  if (isIPv4(name)) return undefined;
  if (isIPv6(name)) return name.includes('%') ? 'an address with a zone means something else on every machine' : upperCaseProblem(name);
  const port = /^\[(.*)\](?::\d+)?$/.exec(name) ?? /^([^:]*):\d+$/.exec(name);
  if (port !== null) return `a principal has no port and no brackets: write ${port[1] ?? ''}`;
  if (upperCaseProblem(name) !== undefined) return upperCaseProblem(name);
  if (name.length > 253) return 'it is longer than 253 characters';
  const labels = name.split('.');
  if (!labels.every((label) => LABEL.test(label))) return 'it is no DNS name: labels of a-z, 0-9, _ and inner dashes, separated by single dots';
  if (/^(?:0x[0-9a-f]*|\d+)$/.test(labels.at(-1) ?? '')) return 'a name whose last label is a number is read as an address';
  return undefined;
}

function upperCaseProblem(name: string): string | undefined {
  return /[A-Z]/.test(name) ? `ssh compares lower-case names: write ${name.toLowerCase()}` : undefined;
}

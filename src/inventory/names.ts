import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { type Problem, quoted } from './problem.ts';

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const LOGIN = /^[a-z_][a-z0-9_.-]{0,31}$/;
const PRINCIPAL = /^[A-Za-z0-9_][A-Za-z0-9_.@+=:-]*$/;
const WORD = /^[a-z][a-z0-9_-]{0,31}$/;
// the authority allows 128 characters, of which the environment in front takes up to 33
const LONGEST_PRINCIPAL = 95;

/** What editors can check as well, as regular expressions. For host names it is the rough form. */
export const PATTERNS = { hostName: '^[a-z0-9_:][a-z0-9_.:-]*$', login: LOGIN.source, principal: PRINCIPAL.source, word: WORD.source } as const;

/**
 * Checks a name of a host, which becomes a principal of its certificate: a lower-case DNS name (RFC 1123, and `_`), an
 * IPv4 address or an IPv6 address in its shortest form (RFC 5952). Literal: no wildcard, no port, no brackets.
 * ssh lower-cases what people type and compares it with the principal byte by byte, so other spellings never match.
 */
export function hostNameProblem(name: string): Problem | undefined {
  const bad = (what: string, hint?: string): Problem => ({ code: 'inventory/bad-host-name', message: `${quoted(name)} ${what}`, hint });
  const character = characterProblem(name, 'inventory/bad-host-name');
  if (character !== undefined) return character;
  if (/[*?!]/.test(name)) return bad('is a pattern, expected one literal name', 'a wildcard would vouch for hosts that nobody listed; a range is written web-[01:03]');
  const withPort = /^\[(.*)\](?::(\d*))?$/.exec(name) ?? /^([^:]*):(\d+)$/.exec(name);
  if (withPort !== null) {
    const [, inside = '', digits] = withPort;
    const meant = isIPv6(inside) ? canonicalIpv6(inside) : inside;
    return bad('has a port or brackets, expected a name or address alone', `write ${meant} here${digits === undefined ? '' : ' and the port as "port:"'}`);
  }
  if (isIPv6(name)) return ipv6Problem(name, bad);
  if (/[A-Z]/.test(name)) return bad('has upper-case letters, expected lower case', `ssh compares lower-case names: write ${name.toLowerCase()}`);
  if (isIPv4(name)) return undefined;
  if (name.length > 253) return bad('is longer than 253 characters');
  if (!name.split('.').every((label) => LABEL.test(label))) {
    return bad('is neither a DNS name nor an IP address', 'labels of a-z, 0-9, _ and inner dashes, at most 63 characters each, separated by single dots');
  }
  if (/(?:^|\.)(?:0x[0-9a-f]*|\d+)$/.test(name)) {
    return bad('would be read as an address, but is not a correct one', 'an IPv4 address has four numbers from 0 to 255, without leading zeros');
  }
  return undefined;
}

/** The one spelling of an IPv6 address that ssh compares with principals: inet_ntop(3), RFC 5952. The zone is left out. */
export function canonicalIpv6(address: string): string {
  return new SocketAddress({ address: address.replace(/%.*$/, ''), family: 'ipv6' }).address;
}

/** Checks a login on a host: what useradd(8) of every distribution takes, at most 32 characters. */
export function loginProblem(login: string): Problem | undefined {
  const character = characterProblem(login, 'inventory/bad-login');
  if (character !== undefined) return character;
  if (LOGIN.test(login)) return undefined;
  return {
    code: 'inventory/bad-login',
    message: `${quoted(login)} is not a login name`,
    hint: 'expected a-z or _ first, then a-z, 0-9, _, . or -, at most 32 characters',
  };
}

/** Checks a principal of a person or machine: a literal that means nothing to a principals file, a list or a shell. */
export function principalProblem(principal: string): Problem | undefined {
  const code = 'inventory/bad-principal';
  const character = characterProblem(principal, code);
  if (character !== undefined) return character;
  if (principal.includes('/')) {
    return { code, message: `principal ${quoted(principal)} has a slash`, hint: 'the environment is put in front by itself: write the part after the slash' };
  }
  if (principal.length > LONGEST_PRINCIPAL) return { code, message: `principal ${quoted(principal)} is longer than ${LONGEST_PRINCIPAL} characters` };
  if (PRINCIPAL.test(principal)) return undefined;
  return {
    code,
    message: `${quoted(principal)} is not a principal`,
    hint: 'expected one literal word: a letter, digit or _ first, then letters, digits and . _ @ + = : -',
  };
}

/** Checks the name of an environment or a group: it appears in ids, principals and selectors. */
export function wordProblem(word: string, what: 'environment' | 'group'): Problem | undefined {
  const code = `inventory/bad-${what}`;
  const character = characterProblem(word, code);
  if (character !== undefined) return character;
  if (WORD.test(word)) return undefined;
  return { code, message: `${quoted(word)} is not a name for ${what === 'group' ? 'a group' : 'an environment'}`, hint: 'expected a-z first, then a-z, 0-9, _ or -, at most 32 characters' };
}

/** The mistakes that are the same for every kind of name: invisible, foreign or empty text, and a leading dash. */
function characterProblem(text: string, code: string): Problem | undefined {
  if (text === '') return { code, message: 'expected a name, found empty text' };
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point >= 0x20 && point < 0x7f) continue;
    // the code point is named, because a Cyrillic letter looks like the Latin one in any font
    const name = `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
    const kind = point < 0x20 || (point >= 0x7f && point < 0xa0) ? 'the control character' : 'the character';
    return { code, message: `${quoted(text)} has ${kind} ${name}, expected plain ASCII`, hint: code === 'inventory/bad-host-name' ? 'write an internationalized DNS name in its xn-- form' : undefined };
  }
  if (text.startsWith('-')) return { code, message: `${quoted(text)} starts with a dash, which can pass for an option`, hint: 'start it with a letter or digit' };
  return undefined;
}

function ipv6Problem(name: string, bad: (what: string, hint?: string) => Problem): Problem | undefined {
  if (name.includes('%')) return bad('has a zone, which means something else on every machine', 'use an address without %');
  const canonical = canonicalIpv6(name);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1];
  // the same machine under two names: it would be two hosts here
  if (mapped !== undefined) return bad('is an IPv4 address in the form of IPv6', `write ${mapped}`);
  return name === canonical ? undefined : bad('is not the shortest form of this IPv6 address', `ssh compares the shortest form: write ${canonical}`);
}

import { describe, expect, it } from 'vitest';
import { hostNameProblem as caHostName, userPrincipalProblem } from '../../../src/ca/principal-syntax.ts';
import { hostNameProblem, loginProblem, principalProblem, wordProblem } from '../../../src/inventory/names.ts';

const LONG_LABEL = 'a'.repeat(63);

const GOOD_HOSTS = ['web-01', 'web-01.stg.example.com', 'xn--mller-kva.example', 'a_b.example', '7up.example', '10.0.0.9', '0.0.0.0', '255.255.255.255', '2001:db8::20', '::1', '::', '2001:db8::1:0:0:1', '64:ff9b::a00:9', '2001:db8:0:1:1:1:1:1', `${LONG_LABEL}.example`, '1.2.3.4.example'];

const BAD_HOSTS: readonly (readonly [string, string])[] = [
  ['port as a principal, row 14', 'web-01:22'],
  ['port in brackets, row 14', '[web-01]:2222'],
  ['brackets', '[10.0.0.9]'],
  ['IPv6 with a port', '[2001:db8::20]:22'],
  ['wildcard, row 16', '*.example.com'],
  ['question mark', 'web-0?'],
  ['negation', '!web-01'],
  ['comma, row 8', 'web-01,evil'],
  ['space', 'web 01'],
  ['newline, row 8', 'web-01\nevil'],
  ['tab', 'web\t01'],
  ['NUL', 'web\u0000'],
  ['delete character', 'web\u007f'],
  ['leading dash', '-oProxyCommand=x'],
  ['label with a leading dash', 'web.-x.example'],
  ['label with a dash at its end', 'web-.example'],
  ['double quote', 'web"01'],
  ['single quote', "web'01"],
  ['dollar', 'web$(id)'],
  ['backquote', 'web`id`'],
  ['semicolon', 'web;id'],
  ['pipe', 'web|id'],
  ['backslash', 'web\\01'],
  ['path upwards, row 21', '../web'],
  ['two dots, row 21', 'web..example'],
  ['only dots', '..'],
  ['slash', 'web/01'],
  ['at sign', 'root@web'],
  ['percent', 'fe80::1%eth0'],
  ['Cyrillic e', 'w\u0435b'],
  ['full-width letter', 'w\uff45b'],
  ['right-to-left override', 'web\u202e01'],
  ['zero-width joiner', 'web\u200d01'],
  ['no-break space', 'web\u00a001'],
  ['lone surrogate', 'web\ud800'],
  ['umlaut', 'm\u00fcller'],
  ['upper case', 'Web-01'],
  ['IPv4 in the form of IPv6, row 25', '::ffff:10.0.0.9'],
  ['IPv4 in the form of IPv6, in hexadecimal, row 25', '::ffff:a00:9'],
  ['IPv6 in brackets, row 14', '[2001:db8::20]'],
  ['IPv6 with a zone in brackets, row 16', '[fe80::1%25eth0]'],
  ['IPv6 with a prefix', '2001:db8::20/64'],
  ['IPv6 with two gaps', '2001::db8::20'],
  ['IPv6 wildcard, row 16', '2001:db8::*'],
  ['IPv6 with one group shortened', '2001:db8::1:1:1:1:1'],
  ['IPv6 with its shorter gap shortened', '2001::1:0:0:0:1'],
  ['IPv6 with leading zeros', '2001:0db8::20'],
  ['upper-case IPv6', '2001:DB8::20'],
  ['long form of IPv6', '2001:db8:0:0:0:0:0:20'],
  ['dot at the end', 'web.example.'],
  ['dot at the start', '.example'],
  ['empty', ''],
  ['label of 64', `${LONG_LABEL}a.example`],
  ['254 characters', `${`${LONG_LABEL}.`.repeat(3)}${'a'.repeat(62)}`],
  ['octet over 255', '10.0.0.256'],
  ['three octets', '10.0.9'],
  ['leading zero', '010.0.0.9'],
  ['decimal address', '167772169'],
  ['hexadecimal address', '0x0a000009'],
  ['hexadecimal last octet', '10.0.0.0x9'],
];

describe('hostNameProblem', () => {
  it.each(GOOD_HOSTS)('takes %s', (name) => {
    expect(hostNameProblem(name)).toBeUndefined();
  });

  it.each(BAD_HOSTS)('refuses %s', (_what, name) => {
    expect(hostNameProblem(name)?.code).toBe('inventory/bad-host-name');
  });

  it('names the code point of a letter that looks like another', () => {
    expect(hostNameProblem('w\u0435b')?.message).toContain('U+0435');
  });

  it('does not print what it refuses as it is', () => {
    for (const [, name] of BAD_HOSTS) expect(hostNameProblem(name)?.message).not.toMatch(/[\u0000-\u001f\u007f\u202e\u200d]/);
  });

  it('tells the name that was meant when there is a port', () => {
    expect(hostNameProblem('[web-01]:2222')?.hint).toContain('write web-01 here');
    expect(hostNameProblem('[2001:DB8::0]:22')?.hint).toBe('write 2001:db8:: here and the port as "port:"');
    expect(hostNameProblem('::ffff:a00:9')?.hint).toBe('write 10.0.0.9');
  });
});

describe('loginProblem', () => {
  it.each(['root', 'deploy', '_apt', 'web-deploy', 'first.last', `a${'b'.repeat(31)}`])('takes %s', (login) => {
    expect(loginProblem(login)).toBeUndefined();
  });

  it.each(['', 'Root', '-root', '1st', 'a b', 'a,b', 'a:b', 'a/b', '../root', 'a$', 'r\u043eot', 'root\n', `a${'b'.repeat(32)}`])('refuses %j', (login) => {
    expect(loginProblem(login)?.code).toBe('inventory/bad-login');
  });
});

describe('principalProblem', () => {
  it.each(['sre', 'Web-Deployers', 'alice@example.com', 'team:web', 'a+b=c', 'x'.repeat(95)])('takes %s', (principal) => {
    expect(principalProblem(principal)).toBeUndefined();
  });

  // attacks row 8: anything that means something to a principals file, a list, a shell or a log
  it.each(['', '-sre', 'a,b', 'a b', 'a\tb', 'a\nb', '"a"', "'a'", '#a', 'a*', 'a?', '!a', 'a;b', 'a|b', 'a$b', 'a\\b', '(a)', 'staging/sre', 'ä', 's\u0433e', 'x'.repeat(96)])('refuses %j', (principal) => {
    expect(principalProblem(principal)?.code).toBe('inventory/bad-principal');
  });
});

describe('wordProblem', () => {
  it.each(['staging', 'eu-west-1', 'a_b'])('takes %s', (word) => {
    expect(wordProblem(word, 'environment')).toBeUndefined();
  });

  it.each(['', '-x', 'Staging', '1st', 'a/b', '..', 'a,b', '@a', 'a*', 'a\nb', 'x'.repeat(33)])('refuses %j', (word) => {
    expect(wordProblem(word, 'environment')?.code).toBe('inventory/bad-environment');
    expect(wordProblem(word, 'group')?.code).toBe('inventory/bad-group');
  });
});

describe('the authority issues what the inventory takes', () => {
  it('for names of hosts', () => {
    for (const name of GOOD_HOSTS) expect([name, caHostName(name)]).toEqual([name, undefined]);
  });

  it('for the longest principal in the longest environment', () => {
    const environment = 'e'.repeat(32);
    expect(wordProblem(environment, 'environment')).toBeUndefined();
    for (const principal of ['x'.repeat(95), 'alice@example.com', 'team:web', 'a+b=c']) expect([principal, userPrincipalProblem(`${environment}/${principal}`)]).toEqual([principal, undefined]);
  });
});

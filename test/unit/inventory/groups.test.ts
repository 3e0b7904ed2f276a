import { describe, expect, it } from 'vitest';
import { loadInventory } from '../../../src/inventory/load.ts';
import { errorsIn, hostsOf, mistakesIn } from './support.ts';

/** Groups as flow mappings from line 4 on, and a host `a` that stands under none. */
function text(groups: Readonly<Record<string, string>>, host: string, defaults = ''): string {
  return `version: 1\nenvironment: e\ngroups:\n${Object.entries(groups).map(([name, entry]) => `  ${name}: { ${entry} }\n`).join('')}hosts: { a: { ${host} } }\ndefaults: { ${defaults} }\n`;
}

function settings(groups: Readonly<Record<string, string>>, host: string, defaults = ''): unknown {
  const [a] = hostsOf(text(groups, host, defaults));
  return { user: a?.user, port: a?.port, root: a?.logins.get('root') };
}

describe('a group within another', () => {
  it('puts its hosts into both, the nearest first', () => {
    const [a] = hostsOf(text({ world: '', europe: 'groups: [world]', web: '', 'web-eu': 'groups: [web, europe]' }, 'groups: [web-eu]'));
    expect(a?.groups).toEqual(['web-eu', 'web', 'europe', 'world']);
  });

  it('may be written before or after the outer one, and hosts may stand under it', () => {
    const [b] = hostsOf('version: 1\nenvironment: e\ngroups: { inner: { groups: [outer], hosts: { b: } }, outer: { user: o } }\n');
    expect(b).toMatchObject({ groups: ['inner', 'outer'], user: 'o' });
  });

  it('decides over the outer one, and that over defaults', () => {
    const groups = { outer: 'user: outer, port: 1, logins: { root: [outer], x: [o] }', inner: 'groups: [outer], user: inner, logins: { root: [inner] }' };
    expect(settings(groups, 'groups: [inner]', 'user: d, port: 9')).toEqual({ user: 'inner', port: 1, root: ['inner'] });
    expect(settings(groups, 'groups: [inner], user: me')).toMatchObject({ user: 'me' });
  });

  it('decides also where the host joins the outer one by itself', () => {
    expect(settings({ outer: 'user: outer', inner: 'groups: [outer], user: inner' }, 'groups: [outer, inner]')).toMatchObject({ user: 'inner' });
  });

  it('decides over what the outer ones of it say, on every way to them', () => {
    const groups = { top: 'user: top, port: 1', left: 'groups: [top], port: 2', right: 'groups: [top]', both: 'groups: [left, right]' };
    expect(settings(groups, 'groups: [both]')).toMatchObject({ user: 'top', port: 2 });
  });
});

describe('groups of which neither is within the other', () => {
  const groups = { top: '', left: 'groups: [top], user: l, logins: { root: [l] }', right: 'groups: [top], user: r, logins: { root: [r] }', web: 'groups: [left, right]' };

  it('are both named where they disagree, also when they are reached through a third', () => {
    const found = errorsIn(text(groups, 'groups: [web]'));
    expect(found.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'inventory/group-conflict: groups left and right disagree about user',
      'inventory/group-conflict: groups left and right disagree about who may log in as root',
    ]);
  });

  it('are settled by the host, or by a group within both', () => {
    expect(settings(groups, 'groups: [web], user: me, logins: { root: [me] }')).toMatchObject({ user: 'me', root: ['me'] });
    expect(settings({ ...groups, web: 'groups: [left, right], user: w, logins: { root: [w] }' }, 'groups: [web]')).toMatchObject({ user: 'w', root: ['w'] });
  });

  it('may say the same, a list in any order and a jump host in any form', () => {
    const same = { x: 'jump: one, logins: { root: [p, q] }', y: 'jump: [one], logins: { root: [q, p] }' };
    expect(settings(same, 'groups: [x, y]')).toMatchObject({ root: ['p', 'q'] });
    expect(mistakesIn(text({ x: 'jump: one', y: 'jump: two' }, 'groups: [x, y]'))).toEqual(['6:10 inventory/group-conflict']);
  });
});

describe('mistakes of groups', () => {
  it.each<[what: string, groups: Record<string, string>, mistakes: string[], chain: string]>([
    ['a group in itself', { x: 'groups: [x]' }, ['4:17 inventory/group-cycle'], 'x is in x'],
    ['two in each other', { x: 'groups: [y]', y: 'groups: [x]' }, ['5:17 inventory/group-cycle'], 'x is in y is in x'],
    ['a longer circle, named without the way to it', { w: 'groups: [x]', x: 'groups: [y]', y: 'groups: [z]', z: 'groups: [x]' }, ['7:17 inventory/group-cycle'], 'circle: x is in y is in z is in x'],
    ['an unknown outer group', { web: 'groups: [wbe]' }, ['4:19 inventory/unknown-group'], 'there is no group "wbe"'],
  ])('%s', (_what, groups, mistakes, chain) => {
    expect(mistakesIn(text(groups, ''))).toEqual(mistakes);
    expect(errorsIn(text(groups, ''))[0]?.message).toContain(chain);
  });

  it('nesting that nobody can follow, in whichever order it is written', () => {
    const names = Array.from({ length: 17 }, (_, i) => `g${i}`);
    const entries = names.map((name, i): [string, string] => [name, i === 0 ? '' : `groups: [g${i - 1}]`]);
    expect(mistakesIn(text(Object.fromEntries(entries.slice(0, 16)), ''))).toEqual([]);
    expect(errorsIn(text(Object.fromEntries(entries), '')).map(({ code }) => code)).toEqual(['inventory/group-too-deep']);
    expect(errorsIn(text(Object.fromEntries(entries.toReversed()), '')).map(({ code }) => code)).toEqual(['inventory/group-too-deep']);
  });

  it('Ansible\'s word for it is answered with ours', () => {
    expect(errorsIn(text({ web: 'children: { x: }' }, ''))[0]?.hint).toContain('groups: [OUTER]');
  });

  it.each(['0', '201', '1.5', '"4"', '-1'])('a limit of %s hosts at once', (value) => {
    expect(mistakesIn(text({ web: `concurrency: ${value}` }, ''))[0]).toMatch(/^4:23 inventory\/(bad-concurrency|wrong-type)$/);
  });
});

it('limits of groups are those of the inventory', () => {
  const { concurrency } = loadInventory(text({ web: 'concurrency: 4', db: '', cache: 'concurrency: 200' }, ''), 'f');
  expect([...concurrency]).toEqual([['web', 4], ['cache', 200]]);
});

import { describe, expect, it } from 'vitest';
import type { JumpHost } from '../../../src/inventory/host.ts';
import type { LoadOptions } from '../../../src/inventory/load.ts';
import { errorsIn, hostsOf, mistakesIn } from './support.ts';

const PIN = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';

/** An inventory of one setting in defaults, and hosts with their settings. */
function text(defaults: string, hosts: Readonly<Record<string, string>>): string {
  return `version: 1\nenvironment: e\ndefaults: { ${defaults} }\nhosts:\n${Object.entries(hosts).map(([name, settings]) => `  ${name}: { ${settings} }\n`).join('')}`;
}

function jumpOf(jump: string, options?: LoadOptions): readonly JumpHost[] {
  return hostsOf(text('', { web: `jump: ${jump}` }), options)[0]?.jump ?? [];
}

/** Host -> the way there: `user@address:port`, the one nearest to the operator first. */
function ways(defaults: string, hosts: Readonly<Record<string, string>>): Record<string, string[]> {
  return Object.fromEntries(hostsOf(text(defaults, hosts)).map(({ name, jump }) => [name, jump.map((hop) => `${hop.user ?? ''}@${hop.address}:${hop.port}`)]));
}

describe('a jump host', () => {
  it.each<[written: string, user: string | undefined, address: string, port: number]>([
    ['bastion.example.com', undefined, 'bastion.example.com', 22],
    ['ops@bastion.example.com:2222', 'ops', 'bastion.example.com', 2222],
    ['bastion:1', undefined, 'bastion', 1],
    ['10.0.0.9:65535', undefined, '10.0.0.9', 65_535],
    ['"[2001:db8::1]"', undefined, '2001:db8::1', 22],
    ['"ops@[2001:db8::1]:2222"', 'ops', '2001:db8::1', 2222],
  ])('is read from %s', (written, user, address, port) => {
    const plain = { name: address, address, port, user, identityFile: undefined, agent: true, firstContact: 'known-hosts', hostKey: undefined, connectTimeout: undefined };
    expect(jumpOf(written)).toEqual([plain]);
    expect(jumpOf(`[${written}]`)).toEqual([plain]);
  });

  it('has all its settings in a mapping, alone or in a list', () => {
    const written = `{ address: gate, user: ops, port: 2222, identityFile: ~/gate, agent: false, hostKey: "${PIN}", connectTimeout: 5s }`;
    const expected = { name: 'gate', address: 'gate', user: 'ops', port: 2222, identityFile: '/home/me/gate', agent: false, firstContact: 'pinned', hostKey: PIN, connectTimeout: 5 };
    expect(jumpOf(written, { home: '/home/me' })).toEqual([expected]);
    expect(jumpOf(`[first, ${written}]`, { home: '/home/me' })[1]).toEqual(expected);
  });

  it.each<[what: string, jump: string, mistakes: string[]]>([
    ['IPv6 without brackets', '"2001:db8::1"', ['5:16 inventory/bad-jump']],
    ['IPv6 with a zone, row 16', '"[fe80::1%eth0]"', ['5:16 inventory/bad-host-name']],
    ['IPv6 in a long form', '"[2001:DB8::1]"', ['5:16 inventory/bad-host-name']],
    ['brackets around a name, row 14', '"[bastion]:22"', ['5:16 inventory/bad-jump']],
    ['a comma, as ssh -J has it', '"one,two"', ['5:16 inventory/bad-jump']],
    ['a URL', 'ssh://bastion', ['5:16 inventory/bad-jump']],
    ['port 0', 'bastion:0', ['5:16 inventory/bad-jump']],
    ['port over the limit', 'bastion:65536', ['5:16 inventory/bad-jump']],
    ['port with a sign', 'bastion:+22', ['5:16 inventory/bad-jump']],
    ['empty port', '"bastion:"', ['5:16 inventory/bad-jump']],
    ['no host', '"ops@"', ['5:16 inventory/bad-jump']],
    ['an option for a user, row 21', '"-oProxyCommand=id@bastion"', ['5:16 inventory/bad-login']],
    ['an option for a host, row 21', '-oProxyCommand=id', ['5:16 inventory/bad-host-name']],
    ['nothing', '', ['5:17 inventory/wrong-type']],
    ['a number', '22', ['5:16 inventory/wrong-type']],
    ['none among others', '[one, none]', ['5:22 inventory/bad-jump']],
    ['a number in a list', '[one, 2]', ['5:22 inventory/wrong-type']],
    ['an unknown key in a list', '[one, { adress: two }]', ['5:22 inventory/missing-key', '5:24 inventory/unknown-key']],
    ['a bad port in a mapping', '{ address: one, port: 0 }', ['5:38 inventory/bad-port']],
    ['no address', '{ user: ops }', ['5:16 inventory/missing-key']],
    ['pinned without a fingerprint', '[{ address: one, firstContact: pinned }]', ['5:17 inventory/missing-host-key']],
    ['a fingerprint beside another policy', `{ address: one, hostKey: "${PIN}", firstContact: accept-new }`, ['5:109 inventory/contradiction']],
  ])('is refused with its place: %s', (_what, jump, mistakes) => {
    expect(mistakesIn(text('', { web: `jump: ${jump}` }))).toEqual(mistakes);
  });

  it('is told how it is written', () => {
    expect(errorsIn(text('', { web: 'jump: "2001:db8::1"' }))[0]?.hint).toContain('[2001:db8::1]:2222');
    expect(errorsIn(text('', { web: 'jump: { adress: one }' })).map(({ hint }) => hint)).toContainEqual(expect.stringContaining('did you mean "address"?'));
  });
});

describe('the way', () => {
  it('is that of the nearest setting, and none takes it back', () => {
    expect(ways('jump: outer.example', { a: '', b: 'jump: [one, two]', c: 'jump: none', d: 'jump: []' })).toEqual({ a: ['@outer.example:22'], b: ['@one:22', '@two:22'], c: [], d: [] });
  });

  it('takes the settings of a jump host that is in the inventory, by any of its names', () => {
    const bastion = { 'bastion.example': `address: 10.0.0.1, port: 2022, user: gate, identityFile: /key, agent: false, hostKey: "${PIN}", connectTimeout: 3s` };
    for (const name of ['bastion.example', '10.0.0.1', 'bastion']) {
      const [web] = hostsOf(text('', { web: `jump: ${name}`, ...bastion }));
      expect(web?.jump).toEqual([{ name: 'bastion.example', address: '10.0.0.1', port: 2022, user: 'gate', identityFile: '/key', agent: false, firstContact: 'pinned', hostKey: PIN, connectTimeout: 3 }]);
    }
  });

  it('lets the entry change them', () => {
    expect(ways('', { web: 'jump: me@bastion:2200', bastion: 'user: gate, port: 2022' })['web']).toEqual(['me@bastion:2200']);
  });

  it('leads over the jump hosts of the first jump host', () => {
    expect(ways('', { web: 'jump: inner', inner: 'jump: outer, port: 2', outer: 'port: 1' })).toEqual({ web: ['@outer:1', '@inner:2'], inner: ['@outer:1'], outer: [] });
  });

  it('of a jump host that defaults name does not lead through itself', () => {
    expect(ways('jump: [one, two]', { web: '', one: '', two: '' })).toEqual({ web: ['@one:22', '@two:22'], one: [], two: ['@one:22'] });
  });

  it.each<[what: string, defaults: string, hosts: Record<string, string>, mistakes: string[], chain: string]>([
    ['through itself', '', { a: 'jump: a' }, ['5:14 inventory/jump-loop'], 'a through a'],
    ['through each other', '', { a: 'jump: b', b: 'jump: a' }, ['6:14 inventory/jump-loop'], 'a through b through a'],
    ['through each other, by defaults', 'jump: a', { web: '', a: 'jump: b', b: '' }, ['3:19 inventory/jump-loop'], 'a through b through a'],
    ['in a longer circle', '', { web: 'jump: a', a: 'jump: b', b: 'jump: c', c: 'jump: a' }, ['8:14 inventory/jump-loop'], 'a through b through c through a'],
    ['to a host that is on the way to its own jump host', '', { a: 'jump: b', b: 'jump: [c, a]', c: '' }, ['5:14 inventory/jump-loop'], 'a through b through a'],
    ['twice through one host', '', { a: 'jump: [b, c, b]' }, ['5:14 inventory/jump-loop'], 'b through c through b'],
  ])('goes in a circle %s', (_what, defaults, hosts, mistakes, chain) => {
    expect(mistakesIn(text(defaults, hosts))).toEqual(mistakes);
    expect(errorsIn(text(defaults, hosts))[0]?.message).toContain(chain);
  });

  it('is too long', () => {
    const hosts = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`h${i}`, i === 11 ? '' : `jump: h${i + 1}`]));
    expect(new Set(mistakesIn(text('', hosts)).map((line) => line.split(' ')[1]))).toEqual(new Set(['inventory/jump-too-long']));
  });

  it('of one list is one mistake, however many hosts take it', () => {
    expect(mistakesIn(text('jump: [x, x]', { 'web-[1:50]': '' }))).toEqual(['3:19 inventory/jump-loop']);
  });
});

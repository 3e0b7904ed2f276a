import { describe, expect, it } from 'vitest';
import { selectHosts } from '../../../src/inventory/select.ts';
import { hostsOf } from './support.ts';

const HOSTS = hostsOf(`
version: 1
environment: staging
groups:
  web: { groups: [eu], hosts: { "web-[01:03].example": , cache.example: { address: 10.0.0.9, names: [redis] } } }
  db: { groups: [eu, inside], hosts: { db-1.example: { address: "2001:db8::1", groups: [canary] } } }
  eu: { groups: [world] }
  world:
  inside:
  canary:
`);

function chosen(pattern: string): string[] {
  return selectHosts(HOSTS, pattern).map((host) => host.name);
}

describe('selectHosts', () => {
  it.each<[pattern: string, hosts: string[]]>([
    ['cache.example', ['cache.example']],
    ['cache', ['cache.example']],
    ['redis', ['cache.example']],
    ['10.0.0.9', ['cache.example']],
    ['CACHE', ['cache.example']],
    ['web-*', ['web-01.example', 'web-02.example', 'web-03.example']],
    ['web-0?', ['web-01.example', 'web-02.example', 'web-03.example']],
    ['web-[02:03]', ['web-02.example', 'web-03.example']],
    ['*', ['web-01.example', 'web-02.example', 'web-03.example', 'cache.example', 'db-1.example']],
    ['@db', ['db-1.example']],
    ['@canary', ['db-1.example']],
    ['@*', ['web-01.example', 'web-02.example', 'web-03.example', 'cache.example', 'db-1.example']],
    ['db-1,web-01', ['web-01.example', 'db-1.example']],
    ['web-01, web-0*,web-01', ['web-01.example', 'web-02.example', 'web-03.example']],
    ['@db,cache', ['cache.example', 'db-1.example']],
    // outer groups
    ['@eu,&@inside', ['db-1.example']],
    ['@world', ['web-01.example', 'web-02.example', 'web-03.example', 'cache.example', 'db-1.example']],
    // addresses as people write them
    ['2001:db8::1', ['db-1.example']],
    ['2001:DB8:0::1', ['db-1.example']],
    ['[2001:db8::1]', ['db-1.example']],
    // what is taken away, and what is kept
    ['web*,&@world,!web-03', ['web-01.example', 'web-02.example']],
    ['!web-03,web*', ['web-01.example', 'web-02.example']],
    ['!@web', ['db-1.example']],
    ['&@canary', ['db-1.example']],
    ['!web-[01:02], !cache', ['web-03.example', 'db-1.example']],
    ['@web,@db,&*-0?,& @eu,! web-01', ['web-02.example', 'web-03.example']],
    ['!*-0?', ['cache.example', 'db-1.example']],
    ['![2001:db8::1],db-1,cache,&@eu', ['cache.example']],
  ])('%s', (pattern, hosts) => {
    expect(chosen(pattern)).toEqual(hosts);
  });

  it('does not take a dot or a bracket of a name for a pattern', () => {
    expect(() => chosen('web-01xexample')).toThrow(expect.objectContaining({ code: 'inventory/no-such-host' }));
  });

  it.each<[pattern: string, code: string]>([
    ['', 'inventory/bad-selector'],
    [',', 'inventory/bad-selector'],
    ['web-01,', 'inventory/bad-selector'],
    ['@', 'inventory/bad-selector'],
    ['wbe-01', 'inventory/no-such-host'],
    ['web-01,gone', 'inventory/no-such-host'],
    ['web', 'inventory/no-such-host'],
    ['@wbe', 'inventory/no-such-group'],
    ['@web-01', 'inventory/no-such-group'],
    ['!', 'inventory/bad-selector'],
    ['web-01,&', 'inventory/bad-selector'],
    ['!@', 'inventory/bad-selector'],
    ['!!web-01', 'inventory/bad-selector'],
    ['!&web-01', 'inventory/bad-selector'],
    ['@web&@canary', 'inventory/bad-selector'],
    ['@web!web-01', 'inventory/bad-selector'],
    ['*,!wbe-01', 'inventory/no-such-host'],
    ['*,&gone', 'inventory/no-such-host'],
    ['*,!@wbe', 'inventory/no-such-group'],
    ['web*,!web*', 'inventory/nothing-left'],
    ['@web,&@db', 'inventory/nothing-left'],
    ['!*', 'inventory/nothing-left'],
    ['[2001:db8::2]', 'inventory/no-such-host'],
    ['[fe80::1%eth0]', 'inventory/bad-range'],
    ['web-[1:5000]*', 'inventory/bad-selector'],
    ['web-[3:1]', 'inventory/bad-range'],
    ['web-0[12]', 'inventory/bad-range'],
  ])('refuses %j', (pattern, code) => {
    expect(() => chosen(pattern)).toThrow(expect.objectContaining({ code, exit: 2 }));
  });

  it('tells what was probably meant', () => {
    const hintOf = (pattern: string, hint: unknown): void => expect(() => chosen(pattern)).toThrow(expect.objectContaining({ hint }));
    hintOf('wbe-01', 'did you mean "web-01"?');
    hintOf('*,!wbe-01', 'did you mean "web-01"?');
    hintOf('*,&@wbe', 'did you mean "web"?');
    hintOf('canary', 'did you mean the group "@canary"?');
    hintOf('all', expect.stringContaining('write *'));
    hintOf('web-01:!web-02', expect.stringContaining('commas'));
  });
});

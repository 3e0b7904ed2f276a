import { describe, expect, it } from 'vitest';
import { selectHosts } from '../../../src/inventory/select.ts';
import { hostsOf } from './support.ts';

const HOSTS = hostsOf(`
version: 1
environment: staging
groups:
  web: { hosts: { "web-[01:03].example": , cache.example: { address: 10.0.0.9, names: [redis] } } }
  db: { hosts: { db-1.example: { groups: [canary] } } }
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
    ['web-[3:1]', 'inventory/bad-range'],
    ['web-0[12]', 'inventory/bad-range'],
  ])('refuses %j', (pattern, code) => {
    expect(() => chosen(pattern)).toThrow(expect.objectContaining({ code, exit: 2 }));
  });

  it('tells what was probably meant', () => {
    expect(() => chosen('wbe-01')).toThrow(expect.objectContaining({ hint: 'did you mean "web-01"?' }));
  });
});

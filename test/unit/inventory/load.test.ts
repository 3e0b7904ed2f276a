import { describe, expect, it } from 'vitest';
import { hostsOf, withHosts } from './support.ts';

const PIN = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';

describe('defaults < groups < host', () => {
  const text = `
version: 1
environment: staging
defaults: { user: ops, become: sudo, port: 2200, connectTimeout: 10s }
groups:
  web:
    user: web
    hosts:
      a.example: { user: alice, port: 22 }
      b.example:
    logins: { root: [sre], deploy: [sre, web] }
hosts:
  c.example: { logins: { root: [c] } }
`;

  it('takes the nearest setting', () => {
    const settings = hostsOf(text).map(({ name, user, become, port, connectTimeout }) => ({ name, user, become, port, connectTimeout }));
    expect(settings).toEqual([
      { name: 'a.example', user: 'alice', become: 'sudo', port: 22, connectTimeout: 10 },
      { name: 'b.example', user: 'web', become: 'sudo', port: 2200, connectTimeout: 10 },
      { name: 'c.example', user: 'ops', become: 'sudo', port: 2200, connectTimeout: 10 },
    ]);
  });

  it('gives a host the logins of its group, and lets it replace single ones', () => {
    const [a] = hostsOf(text.replace('port: 22 }', 'port: 22, logins: { deploy: [only], own: [x] } }'));
    expect([...(a?.logins ?? [])]).toEqual([
      ['root', ['sre']],
      ['deploy', ['only']],
      ['own', ['x']],
    ]);
  });

  it('lets a host close a login that its group opens', () => {
    const [a] = hostsOf(text.replace('port: 22 }', 'port: 22, logins: { root: [] } }'));
    expect(a?.logins.get('root')).toEqual([]);
  });

  it('has sound values where nothing is said', () => {
    expect(hostsOf(withHosts('h.example:'))).toEqual([
      {
        id: 'staging/h.example', name: 'h.example', environment: 'staging', address: 'h.example', port: 22, user: undefined, identityFile: undefined,
        agent: true, become: 'none', names: ['h.example'], shortName: 'h', firstContact: 'known-hosts', hostKey: undefined, logins: new Map(),
        groups: ['web'], jump: [], transport: 'node-ssh', profile: 'host', connectTimeout: undefined, at: { file: 'inv.yaml', line: 6, column: 7 },
      },
    ]);
  });
});

describe('groups that a host joins', () => {
  const text = (canary: string, host: string): string => `
version: 1
environment: staging
groups:
  web: { user: web, hosts: { a.example: ${host} }, logins: { root: [sre] } }
  canary: ${canary}
`;

  it('add settings and logins', () => {
    const [a] = hostsOf(text('{ port: 2222, logins: { root: [sre], test: [qa] } }', '{ groups: [canary] }'));
    expect(a).toMatchObject({ groups: ['web', 'canary'], user: 'web', port: 2222 });
    expect([...(a?.logins.keys() ?? [])]).toEqual(['root', 'test']);
  });

  it('may be groups without anything', () => {
    expect(hostsOf(text('', '{ groups: [canary] }'))[0]?.groups).toEqual(['web', 'canary']);
  });
});

describe('names', () => {
  const namesOf = (...lines: string[]): unknown[] => hostsOf(withHosts(...lines)).map((host) => [...host.names, host.shortName]);

  it('are the name, the address and the extra names, once each', () => {
    expect(namesOf('a.example: { address: 10.0.0.9, names: [x, a.example, y] }')).toEqual([['a.example', '10.0.0.9', 'x', 'y', 'a']]);
  });

  it('give no short name to two hosts that could both be meant', () => {
    expect(namesOf('a.one.example:', 'a.two.example:', 'b.one.example:')).toEqual([
      ['a.one.example', undefined],
      ['a.two.example', undefined],
      ['b.one.example', 'b'],
    ]);
  });

  it('give no short name that is a full name of another host, or the first label of its address', () => {
    expect(namesOf('a.example:', 'b.example: { names: [a] }')[0]).toEqual(['a.example', undefined]);
    expect(namesOf('a.example:', 'b.example: { address: a.internal }')[0]).toEqual(['a.example', undefined]);
  });

  it('give no short name to addresses, to single labels, and to numbers that would be read as an address', () => {
    expect(namesOf('10.0.0.9:', 'single:', '12.example:', '"2001:db8::1":')).toEqual([['10.0.0.9', undefined], ['single', undefined], ['12.example', undefined], ['2001:db8::1', undefined]]);
  });

  it('leave out a short name that stands among the names already', () => {
    expect(namesOf('a.example: { names: [a] }')).toEqual([['a.example', 'a', undefined]]);
  });
});

describe('first contact', () => {
  it('is pinned where a fingerprint stands, whatever the group says', () => {
    const text = withHosts(`a.example: { hostKey: "${PIN}" }`, 'b.example:').replace('    hosts:', '    firstContact: accept-new\n    hosts:');
    expect(hostsOf(text).map(({ firstContact, hostKey }) => [firstContact, hostKey])).toEqual([
      ['pinned', PIN],
      ['accept-new', undefined],
    ]);
  });

  it('is known-hosts where nothing is said: no key is ever trusted by default', () => {
    expect(hostsOf(withHosts('a.example:'))[0]?.firstContact).toBe('known-hosts');
  });
});

describe('identity files', () => {
  const of = (path: string, more = ''): unknown => {
    const [host] = hostsOf(withHosts(`a: { identityFile: ${path}${more} }`), { home: '/home/ops' });
    return [host?.identityFile, host?.agent];
  };

  it('have ~ expanded with the home that was given', () => {
    expect(of('~/.ssh/id_ed25519')).toEqual(['/home/ops/.ssh/id_ed25519', true]);
    expect(of('/etc/key')).toEqual(['/etc/key', true]);
  });

  it('leave the agent on, which may hold the key, unless it is switched off', () => {
    expect(of('/etc/key', ', agent: false')).toEqual(['/etc/key', false]);
  });
});

it('reads names as they are written: no YAML type turns up in them', () => {
  // YAML 1.1 would make a boolean of `no` and a number of 0x10.example's like
  expect(hostsOf(withHosts('no:', 'on:', 'null.example:', 'y:')).map((host) => host.name)).toEqual(['no', 'on', 'null.example', 'y']);
});

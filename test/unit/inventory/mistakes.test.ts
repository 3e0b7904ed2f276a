import { describe, expect, it } from 'vitest';
import { errorsIn, hostsOf, mistakesIn, withHosts } from './support.ts';

const PIN = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';

describe('a mistake has its place and its code', () => {
  // hosts stand from line 6, column 7 on
  it.each<[what: string, lines: string[], mistakes: string[]]>([
    ['unknown key', ['a: { prot: 22 }'], ['6:12 inventory/unknown-key']],
    ['port as text', ['a: { port: "22" }'], ['6:18 inventory/wrong-type']],
    ['port 0', ['a: { port: 0 }'], ['6:18 inventory/bad-port']],
    ['port 65536', ['a: { port: 65536 }'], ['6:18 inventory/bad-port']],
    ['half a port', ['a: { port: 22.5 }'], ['6:18 inventory/bad-port']],
    ['port .inf', ['a: { port: .inf }'], ['6:18 inventory/wrong-type']],
    ['empty port', ['a: { port: }'], ['6:18 inventory/wrong-type']],
    ['become that is none of ours', ['a: { become: su }'], ['6:20 inventory/bad-value']],
    ['agent that is no boolean', ['a: { agent: yes }'], ['6:19 inventory/wrong-type']],
    ['bare number as a duration', ['a: { connectTimeout: 10 }'], ['6:28 inventory/wrong-type']],
    ['duration without unit', ['a: { connectTimeout: "10" }'], ['6:28 inventory/bad-duration']],
    ['duration over the limit', ['a: { connectTimeout: 6m }'], ['6:28 inventory/bad-duration']],
    ['first contact that is none of ours', ['a: { firstContact: yolo }'], ['6:26 inventory/bad-value']],
    ['pinned without a fingerprint', ['a: { firstContact: pinned }'], ['6:7 inventory/missing-host-key']],
    ['fingerprint beside another policy', [`a: { hostKey: "${PIN}", firstContact: accept-new }`], ['6:75 inventory/contradiction']],
    ['short fingerprint', ['a: { hostKey: "SHA256:abc" }'], ['6:21 inventory/bad-fingerprint']],
    ['MD5 fingerprint', ['a: { hostKey: "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48" }'], ['6:21 inventory/bad-fingerprint']],
    ['fingerprint with stray bits', [`a: { hostKey: "${PIN.slice(0, -1)}V" }`], ['6:21 inventory/bad-fingerprint']],
    ['address with a port', ['a: { address: "10.0.0.9:22" }'], ['6:21 inventory/bad-host-name']],
    ['name with a port, row 14', ['a: { names: [b, "b:22"] }'], ['6:23 inventory/bad-host-name']],
    ['name twice in a list', ['a: { names: [b, c, b] }'], ['6:26 inventory/duplicate-item']],
    ['list that is a text', ['a: { names: b }'], ['6:19 inventory/wrong-type']],
    ['user with a dash in front', ['a: { user: -oProxyCommand=id }'], ['6:18 inventory/bad-login']],
    ['user as a number', ['a: { user: 1000 }'], ['6:18 inventory/wrong-type']],
    ['relative identity file', ['a: { identityFile: id_ed25519 }'], ['6:26 inventory/bad-path']],
    ['identity file upwards, row 21', ['a: { identityFile: ~/../root/key }'], ['6:26 inventory/bad-path']],
    ['home of somebody else', ['a: { identityFile: ~root/key }'], ['6:26 inventory/bad-path']],
    ['identity file with a newline', ['a: { identityFile: "/a\\nb" }'], ['6:26 inventory/bad-path']],
    ['identity file in a home that is not given', ['a: { identityFile: ~/key }'], ['6:7 inventory/no-home']],
    ['host name with upper case', ['Web:'], ['6:7 inventory/bad-host-name']],
    ['Cyrillic letter, row 21', ['w\u0435b:'], ['6:7 inventory/bad-host-name']],
    ['control character, row 21', ['"a\\u0007":'], ['6:7 inventory/bad-host-name']],
    ['IPv6 address in brackets, row 14', ['"[2001:db8::1]":'], ['6:7 inventory/bad-host-name']],
    ['IPv6 address with a port, row 14', ['"[2001:db8::1]:22":'], ['6:7 inventory/bad-host-name']],
    ['IPv6 address with a zone, row 16', ['"fe80::1%eth0":'], ['6:7 inventory/bad-host-name']],
    ['one IPv6 address for two hosts, row 25', ['a: { address: 2001:db8::1 }', '2001:db8::1:'], ['7:7 inventory/duplicate-name']],
    ['bad range', ['web-[3:1]:'], ['6:7 inventory/bad-range']],
    ['name that is too long only after expansion', [`${'a'.repeat(62)}[9:10]:`], ['6:7 inventory/bad-host-name']],
    ['one address for a range', ['web-[1:2]: { address: 10.0.0.9 }'], ['6:20 inventory/shared-identity']],
    ['key twice', ['a: { port: 1 }', 'a: { port: 2 }'], ['7:7 inventory/duplicate-key']],
    ['host in a range again', ['web-[1:3]:', 'web-2:'], ['7:7 inventory/duplicate-host']],
    ['name of another host', ['a: { names: [x] }', 'b: { names: [y, x] }'], ['7:23 inventory/duplicate-name']],
    ['address of another host', ['a: { address: 10.0.0.9 }', 'b: { address: 10.0.0.9 }'], ['7:12 inventory/duplicate-name']],
    ['name that is another host, row 25', ['a:', 'b: { names: [a] }'], ['7:20 inventory/duplicate-name']],
    ['host that is a name of an earlier one, row 25', ['a: { names: [b] }', 'b:'], ['7:7 inventory/duplicate-name']],
    ['cloned host key, row 25', [`a: { hostKey: "${PIN}" }`, `b: { hostKey: "${PIN}" }`], ['7:21 inventory/duplicate-host-key']],
    ['unknown group', ['a: { groups: [wbe] }'], ['6:21 inventory/unknown-group']],
    ['merge key', ['a: { <<: { port: 1 } }'], ['6:12 inventory/unknown-key']],
    ['anchor', ['a: &x { port: 1 }'], ['6:13 inventory/anchor']],
    ['alias', ['a: *x'], ['6:10 inventory/anchor']],
    ['prototype key', ['__proto__: { port: 1 }', 'b:'], ['6:7 inventory/bad-key']],
    ['key without a name', ['? ', 'b:'], ['6:9 inventory/bad-key']],
    ['list of hosts', ['- a'], ['6:7 inventory/wrong-type']],
    ['hosts as a scalar', ['a: 22'], ['6:10 inventory/wrong-type']],
  ])('%s', (_what, lines, mistakes) => {
    expect(mistakesIn(withHosts(...lines))).toEqual(mistakes);
  });

  it.each<[what: string, text: string, mistakes: string[]]>([
    ['empty file', '', ['1:1 inventory/not-a-map']],
    ['only a comment', '# nothing\n', ['1:1 inventory/not-a-map']],
    ['a list', '- a\n', ['1:1 inventory/not-a-map']],
    ['no hosts', 'version: 1\nenvironment: e\ngroups: { web: }\n', ['1:1 inventory/no-hosts']],
    ['version 2', 'version: 2\nenvironment: e\nhosts: { a: }\n', ['1:10 inventory/bad-value']],
    ['version as text', 'version: "1"\nenvironment: e\nhosts: { a: }\n', ['1:10 inventory/bad-value']],
    ['no version', 'environment: e\nhosts: { a: }\n', ['1:1 inventory/missing-key']],
    ['no environment', 'version: 1\nhosts: { a: }\n', ['1:1 inventory/missing-key']],
    ['environment with a slash', 'version: 1\nenvironment: a/b\nhosts: { a: }\n', ['2:14 inventory/bad-environment']],
    ['bad group name', 'version: 1\nenvironment: e\nhosts: { a: }\ngroups:\n  "@web": {}\n', ['5:3 inventory/bad-group']],
    ['logins in defaults', 'version: 1\nenvironment: e\nhosts: { a: }\ndefaults: { logins: { root: [x] } }\n', ['4:13 inventory/unknown-key']],
    ['login that is no login', 'version: 1\nenvironment: e\ngroups: { w: { hosts: { a: }, logins: { "Root": [x] } } }\n', ['3:41 inventory/bad-login']],
    ['principal with a comma, row 8', 'version: 1\nenvironment: e\nhosts: { a: { logins: { root: ["a,b"] } } }\n', ['3:32 inventory/bad-principal']],
    ['principals as text', 'version: 1\nenvironment: e\nhosts: { a: { logins: { root: a } } }\n', ['3:31 inventory/wrong-type']],
    ['tab as indentation', 'version: 1\nhosts:\n\ta:\n', ['3:1 inventory/yaml']],
    ['two documents', 'version: 1\n---\nversion: 1\n', ['2:1 inventory/yaml']],
    ['unclosed quote', 'version: "1\n', ['2:1 inventory/yaml']],
    ['unknown tag', 'version: !!js/function x\n', ['1:10 inventory/yaml']],
  ])('%s', (_what, text, mistakes) => {
    expect(mistakesIn(text)).toEqual(mistakes);
  });
});

describe('what a person is told', () => {
  const hint = (text: string): string | undefined => errorsIn(text)[0]?.hint;

  it('is the key that was probably meant', () => {
    expect(hint(withHosts('a: { prot: 22 }'))).toContain('did you mean "port"?');
    expect(hint(withHosts('a: { groups: [wbe] }'))).toBe('did you mean "web"?');
  });

  it('is what was expected', () => {
    expect(hint(withHosts('a: { become: su }'))).toBe('expected none, sudo or doas');
    expect(hint(withHosts('a: { connectTimeout: 10 }'))).toContain('duration');
  });

  it('names both places of a name that two hosts claim', () => {
    expect(errorsIn(withHosts('a: { names: [x] }', 'b: { names: [x] }'))[0]?.message).toBe('"x" is already a name of a in inv.yaml:6:7');
  });
});

describe('groups that disagree', () => {
  const text = (host: string): string => `
version: 1
environment: e
groups:
  web: { user: web, logins: { root: [sre] }, hosts: { a: ${host} } }
  canary: { user: test, logins: { root: [qa] } }
`;

  it('are a mistake, because nobody can guess who was meant', () => {
    expect(mistakesIn(text('{ groups: [canary] }'))).toEqual(['5:55 inventory/group-conflict', '5:55 inventory/group-conflict']);
  });

  it('are settled by the host', () => {
    const [host] = hostsOf(text('{ groups: [canary], user: me, logins: { root: [both] } }'));
    expect([host?.user, host?.logins.get('root')]).toEqual(['me', ['both']]);
  });
});

describe('all mistakes of a file', () => {
  it('are found in one go, in the order of the file', () => {
    const text = `version: 1
defaults: { prot: 1, user: "A B" }
groups:
  web:
    hosts:
      web-[3:1]:
      a: { port: 70000, names: [x, "y:1"] }
      b: { names: [x], groups: [gone] }
`;
    expect(mistakesIn(text)).toEqual([
      '1:1 inventory/missing-key',
      '2:13 inventory/unknown-key',
      '2:28 inventory/bad-login',
      '6:7 inventory/bad-range',
      '7:18 inventory/bad-port',
      '7:36 inventory/bad-host-name',
      '8:20 inventory/duplicate-name',
      '8:33 inventory/unknown-group',
    ]);
  });

  it('are all there when every host has one', () => {
    const lines = Array.from({ length: 500 }, (_, i) => `h${i}: { prot: 1 }`);
    expect(mistakesIn(withHosts(...lines))).toHaveLength(500);
  });
});

it('loads ten thousand hosts without comparing each with each', () => {
  const lines = Array.from({ length: 10_000 }, (_, i) => `h${i}.example: { names: [n${i}] }`);
  expect(hostsOf(withHosts(...lines))).toHaveLength(10_000);
});

it('refuses more hosts than it can hold', () => {
  expect(mistakesIn(withHosts('a[1:65536]:', 'b:'))).toEqual(['7:7 inventory/too-many-hosts']);
});

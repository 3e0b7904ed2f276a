import { describe, expect, it } from 'vitest';
import { withJumps } from '../../../src/cli/jump-flag.ts';
import type { Host } from '../../../src/inventory/host.ts';
import { hostsOf, withHosts } from '../inventory/support.ts';

const PRINT = 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const hosts = hostsOf(
  withHosts(
    'edge.example: { address: 192.0.2.1, port: 2222, user: ops, identityFile: /keys/edge, agent: false }',
    `core.example: { address: 10.0.0.1, hostKey: "${PRINT}", jump: edge.example }`,
    'app.example: { address: 10.0.0.9, jump: other.example }',
  ),
);

function wayTo(name: string, flag: string | undefined): string[] {
  return found(name, flag).jump.map(({ name: hop, user, address, port }) => `${hop} ${user ?? '-'}@${address}:${port}`);
}

function found(name: string, flag: string | undefined): Host {
  const host = withJumps(hosts, flag, hosts).find((one) => one.name === name);
  if (host === undefined) throw new Error(name);
  return host;
}

describe('--jump', () => {
  it('not given leaves the inventory alone, none goes straight', () => {
    expect(wayTo('app.example', undefined)).toEqual(['other.example -@other.example:22']);
    expect(wayTo('app.example', 'none')).toEqual([]);
  });

  it('takes the place of the inventory, several in their order', () => {
    expect(wayTo('app.example', 'a@one,[2001:db8::1]:2022, b@two.example:7')).toEqual(['one a@one:22', '2001:db8::1 -@2001:db8::1:2022', 'two.example b@two.example:7']);
  });

  it('a host of the inventory brings its settings along, by its name and by its address, and what stands in the flag goes before', () => {
    expect(found('app.example', 'edge.example').jump).toMatchObject([{ name: 'edge.example', address: '192.0.2.1', port: 2222, user: 'ops', identityFile: '/keys/edge', agent: false, firstContact: 'known-hosts' }]);
    expect(wayTo('app.example', 'me@192.0.2.1')).toEqual(['edge.example me@192.0.2.1:2222']);
    expect(wayTo('app.example', 'me@edge.example:22')).toEqual(['edge.example me@192.0.2.1:22']);
    expect(found('app.example', '192.0.2.1:22').jump).toMatchObject([{ name: '192.0.2.1', port: 22, identityFile: undefined, agent: true }]);
  });

  it('the first one brings its own jump hosts, and its pinned key', () => {
    expect(wayTo('app.example', 'core.example')).toEqual(['edge.example ops@192.0.2.1:2222', 'core.example -@10.0.0.1:22']);
    expect(found('app.example', 'core.example').jump[1]).toMatchObject({ firstContact: 'pinned', hostKey: PRINT });
    // said in full, it is not doubled
    expect(wayTo('app.example', 'edge.example,core.example')).toEqual(['edge.example ops@192.0.2.1:2222', 'core.example -@10.0.0.1:22']);
  });

  it('a jump host itself is reached by those before it', () => {
    expect(wayTo('core.example', 'edge.example,core.example')).toEqual(['edge.example ops@192.0.2.1:2222']);
    expect(wayTo('edge.example', 'edge.example,core.example')).toEqual([]);
  });

  it.each(['', 'a,,b', 'a:0', 'a:b:c', 'a b', '-oProxyCommand=x', 'none,a', 'ssh://a', '@a', 'a@'])('refuses %j', (flag) => {
    expect(() => withJumps(hosts, flag, hosts)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^inventory\//) as string, exit: 2, hint: expect.stringMatching(/./) as string }));
  });
});

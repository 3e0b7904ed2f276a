import { formatDuration, parseDuration } from '../../../src/base/duration.ts';
import { parseConfig } from '../../../src/cli/config-file.ts';
import { workspaceSchema } from '../../../src/cli/workspace-schema.ts';
import { loadInventory } from '../../../src/inventory/load.ts';
import { hostNameProblem, loginProblem, principalProblem } from '../../../src/inventory/names.ts';
import { expandRanges, MOST_HOSTS } from '../../../src/inventory/ranges.ts';
import { selectHosts } from '../../../src/inventory/select.ts';
import { loadSeeds } from '../corpus.ts';
import { mutateText } from '../mutate-text.ts';
import { assertSame, assertTrue, bytesOf, textOf, type Target } from '../target.ts';

const YAML_WORDS = ['&a ', '*a', '<<: *a', '!!set', '!!binary', '!x ', '|', '>', '? ', '- ', '---', '...', '%YAML 1.1', 'yes', '~', 'null', '0o7', '{a: ', '[', '"\\u0000"', '__proto__: {x: 1}'];
const INVENTORY_WORDS = ['version: 1', 'environment', 'hosts:', 'groups:', 'defaults:', 'logins:', 'names:', 'user:', 'become: sudo', 'jump:', 'web-[1:3]', 'root', 'web-01.example.com', ...YAML_WORDS];
const WORKSPACE_WORDS = ['version: 1', 'organization:', 'ca:', 'profiles:', 'type: user', 'type: host', 'principals:', '*', 'staging/*', '*.acme.com', 'ttl: 1h', 'force-command', 'user', ...YAML_WORDS];
const SELECTORS = ['web-01.example.com', 'web-*', '@web', '@w*,db-1.example.com', 'web-[01:03].example.com', '10.0.0.9', '2001:db8::1', '*'];
const FLEET = 'version: 1\nenvironment: e\ngroups:\n  web:\n    hosts: { "web-[01:09].example.com": , 10.0.0.9: , "2001:db8::1": }\n  db:\n    hosts: { "db-[1:3].example.com": }\n';

/** The targets that read what a person wrote. */
export function configTargets(): Target[] {
  return [inventory(), workspace(), ...small()];
}

function inventory(): Target {
  const seeds = loadSeeds('inventory');
  const texts = seeds.map(textOf);
  return {
    name: 'inventory', weight: 3, areas: ['inventory/'], seeds,
    mutate: (seed, random) => bytesOf(mutateText(textOf(seed), random, INVENTORY_WORDS, texts)),
    run(input) {
      const { hosts } = loadInventory(textOf(input), 'inventory.yaml', { home: '/home/ops' });
      assertTrue(hosts.length > 0, 'an inventory without hosts was taken');
      for (const host of hosts) {
        for (const name of host.names) assertSame(hostNameProblem(name)?.code, undefined, 'a host has a name that cannot be one');
        for (const [login, principals] of host.logins) {
          assertSame(loginProblem(login)?.code, undefined, 'a login is none');
          for (const principal of principals) assertSame(principalProblem(principal)?.code, undefined, 'a principal is none');
        }
      }
      const names = hosts.flatMap((host) => host.names);
      assertSame(new Set(names).size, names.length, 'two hosts share a name');
      return 'accepted';
    },
  };
}

function workspace(): Target {
  const seeds = loadSeeds('workspace');
  const texts = seeds.map(textOf);
  return {
    name: 'workspace', weight: 3, areas: ['config/'], seeds,
    mutate: (seed, random) => bytesOf(mutateText(textOf(seed), random, WORKSPACE_WORDS, texts)),
    run(input) {
      const config = parseConfig(textOf(input), 'ensign.yaml', workspaceSchema);
      assertSame(config.version, 1, 'the version');
      return 'accepted';
    },
  };
}

/** Short texts of the command line. */
function small(): Target[] {
  const { hosts } = loadInventory(FLEET, 'fleet');
  const words = ['[01:03]', '@web', '1h', '30m', ','];
  const textTarget = (name: string, area: string, seeds: readonly string[], run: (text: string) => string): Target => ({
    name, weight: 2, areas: [area], seeds: seeds.map(bytesOf),
    mutate: (seed, random) => bytesOf(mutateText(textOf(seed), random, words, seeds)),
    run: (input) => run(textOf(input)),
  });
  return [
    textTarget('selector', 'inventory/', SELECTORS, (text) => {
      const chosen = selectHosts(hosts, text);
      assertTrue(chosen.length > 0 && chosen.every((host) => hosts.includes(host)), 'a selector chose nobody, or somebody else');
      return 'accepted';
    }),
    textTarget('range', 'inventory/', SELECTORS, (text) => {
      const result = expandRanges(text);
      if ('problem' in result) return result.problem.code;
      assertTrue(result.names.length <= MOST_HOSTS && new Set(result.names).size === result.names.length, 'a range names a host twice, or too many');
      return 'accepted';
    }),
    textTarget('duration', 'duration/', ['45s', '15m', '16h', '30d', '2w', '1y', '1h30m', '1d12h'], (text) => {
      const seconds = parseDuration(text);
      assertSame(parseDuration(formatDuration(seconds)), seconds, 'a duration is written as another one');
      return 'accepted';
    }),
  ];
}

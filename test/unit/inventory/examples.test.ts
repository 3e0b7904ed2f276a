import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { formatInventory } from '../../../src/inventory/format.ts';
import { loadInventory } from '../../../src/inventory/load.ts';
import { inventoryJsonSchema, KNOWN_KEYS } from '../../../src/inventory/schema.ts';
import { errorsIn } from './support.ts';

const ROOT = new URL('../../../', import.meta.url);
const EXAMPLES = ['production.yaml', 'staging.yaml'];

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

describe('the annotated examples', () => {
  it('are these two', () => {
    expect(readdirSync(new URL('inventories/', ROOT)).sort()).toEqual(EXAMPLES);
  });

  it('mean hosts', () => {
    const [production, staging] = EXAMPLES.map((name) => loadInventory(read(`inventories/${name}`), name));
    expect(staging?.hosts.map((host) => host.name)).toEqual([
      'web-01.stg.example.com', 'web-02.stg.example.com', 'web-03.stg.example.com', 'cache.stg.example.com', 'db-1.stg.example.com', 'db-2.stg.example.com', 'preview.stg.example.com', 'gate.stg.example.com',
    ]);
    expect(production?.hosts).toHaveLength(11);
  });

  it('are in canonical form', () => {
    for (const name of EXAMPLES) expect(formatInventory(read(`inventories/${name}`), name)).toBe(read(`inventories/${name}`));
  });

  it('do not give one name to a staging and to a production host', () => {
    const names = EXAMPLES.map((name) => loadInventory(read(`inventories/${name}`), name).hosts.flatMap((host) => [...host.names, ...(host.shortName === undefined ? [] : [host.shortName])]));
    expect(names[0]?.filter((name) => names[1]?.includes(name))).toEqual([]);
  });

  it('mention every setting of the staging example, so that the example is the documentation', () => {
    const text = read('inventories/staging.yaml');
    for (const key of [...KNOWN_KEYS.defaults, ...KNOWN_KEYS.host, ...KNOWN_KEYS.group]) expect(text).toContain(`${key}:`);
  });
});

describe('the schema for editors', () => {
  it('is the one that the code makes (write it anew with: npx tsx scripts/write-schema.ts)', () => {
    expect(JSON.parse(read('schema/inventory.schema.json'))).toEqual(JSON.parse(JSON.stringify(inventoryJsonSchema())));
  });

  it('is named in the first line of the examples', () => {
    for (const name of EXAMPLES) expect(read(`inventories/${name}`)).toMatch(/^# yaml-language-server: \$schema=\.\.\/schema\/inventory\.schema\.json\n/);
  });

  it('takes the examples, and refuses an unknown key and a wrong value', () => {
    const schema = z.fromJSONSchema(JSON.parse(read('schema/inventory.schema.json')) as z.core.JSONSchema.JSONSchema);
    for (const name of EXAMPLES) expect(schema.safeParse(parse(read(`inventories/${name}`))).error).toBeUndefined();
    const minimal = { version: 1, environment: 'staging', hosts: { a: { port: 22 } } };
    expect(schema.safeParse(minimal).success).toBe(true);
    expect(schema.safeParse({ ...minimal, enviroment: 'x' }).success).toBe(false);
    expect(schema.safeParse({ ...minimal, hosts: { a: { port: 70_000 } } }).success).toBe(false);
    expect(schema.safeParse({ ...minimal, hosts: { a: { user: '-x' } } }).success).toBe(false);
  });

  const FINGERPRINT = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';
  it.each<[what: string, group: string, good: boolean]>([
    ['one jump host', '{ jump: "ops@[2001:db8::1]:2222" }', true],
    ['none', '{ jump: none }', true],
    ['no jump hosts', '{ jump: [] }', true],
    ['several in both forms', `{ jump: [one.example, { address: two, user: ops, port: 22, identityFile: ~/k, agent: false, hostKey: "${FINGERPRINT}", connectTimeout: 5s }] }`, true],
    ['a jump host with settings', '{ jump: { address: one, firstContact: accept-new } }', true],
    ['a jump host without an address', '{ jump: { user: ops } }', false],
    ['a jump host with an unknown key', '{ jump: [{ address: one, usr: ops }] }', false],
    ['a jump host with two colons', '{ jump: "2001:db8::1" }', false],
    ['a number for a jump host', '{ jump: 22 }', false],
    ['doas', '{ become: doas }', true],
    ['su', '{ become: su }', false],
    ['a transport', '{ transport: openssh }', true],
    ['another transport', '{ transport: telnet }', false],
    ['a profile', '{ profile: short-lived }', true],
    ['a profile in capitals', '{ profile: Short }', false],
    ['outer groups', '{ groups: [web] }', true],
    ['the same outer group twice', '{ groups: [web, web] }', false],
    ['children', '{ children: { web: } }', false],
    ['a limit', '{ concurrency: 200 }', true],
    ['a limit of none', '{ concurrency: 0 }', false],
    ['half a limit', '{ concurrency: 1.5 }', false],
  ])('judges as ensign does: %s', (_what, group, good) => {
    const schema = z.fromJSONSchema(JSON.parse(read('schema/inventory.schema.json')) as z.core.JSONSchema.JSONSchema);
    const text = `version: 1\nenvironment: e\ngroups: { web: { hosts: { a: } }, x: ${group} }\n`;
    expect(schema.safeParse(parse(text)).success).toBe(good);
    expect(errorsIn(text, { home: '/h' }).length === 0).toBe(good);
  });

  it('says at every setting what it is for', () => {
    const { $defs, ...root } = JSON.parse(read('schema/inventory.schema.json')) as { $defs: Record<string, Described> } & Described;
    const resolved = (one: Described): Described => (one.$ref === undefined ? one : { ...resolved($defs[one.$ref.split('/').at(-1) ?? ''] ?? {}), ...one });
    const silent = (one: Described, path: string): string[] =>
      Object.entries(one.properties ?? {}).flatMap(([key, inner]) => (resolved(inner).description === undefined && !/^(version|environment|defaults|groups|hosts)$/.test(path + key) ? [path + key] : []));
    const maps = Object.values({ root, ...$defs }).flatMap((one) => [one, ...(one.anyOf ?? [])]).map(resolved);
    expect(maps.filter(({ properties }) => properties !== undefined).length).toBeGreaterThan(2);
    expect(maps.flatMap((one) => silent(one, one.properties?.['version'] === undefined ? 'x.' : ''))).toEqual([]);
  });
});

interface Described {
  readonly description?: string;
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly anyOf?: readonly Described[];
}

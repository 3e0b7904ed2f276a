import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { formatInventory } from '../../../src/inventory/format.ts';
import { loadInventory } from '../../../src/inventory/load.ts';
import { inventoryJsonSchema, KNOWN_KEYS } from '../../../src/inventory/schema.ts';

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
});

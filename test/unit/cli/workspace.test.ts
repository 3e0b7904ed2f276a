import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { findWorkspace, type Workspace } from '../../../src/cli/workspace.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-workspace-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string): Promise<Workspace> {
  writeFileSync(join(folder, 'ensign.yaml'), text);
  return findWorkspace({ cwd: folder }, {});
}

async function mistakes(text: string): Promise<string[]> {
  try {
    await load(text);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.exit).toBe(2);
    const single = error.details.length === 0 ? [error] : error.details;
    return single.map((e) => `${e.at?.line ?? 0}:${e.at?.column ?? 0} ${e.code} ${e.message}`);
  }
}

it('a version is all that is needed', async () => {
  expect(await load('version: 1\n')).toMatchObject({
    root: folder,
    organization: 'default',
    scopePrincipals: true,
    caDirectory: join(folder, 'ca'),
    caKeys: 'files',
    passphraseFile: undefined,
    inventoriesDirectory: join(folder, 'inventories'),
    knownHostsFile: join(folder, 'known_hosts'),
  });
});

it('is found from a folder below, or named', async () => {
  await load('version: 1\n');
  const below = join(folder, 'a', 'b');
  mkdirSync(below, { recursive: true });
  expect((await findWorkspace({ cwd: below }, {})).root).toBe(folder);
  expect((await findWorkspace({ cwd: '/' }, { workspace: folder })).root).toBe(folder);
  // what is named is meant, and not something above it
  await expect(findWorkspace({ cwd: '/' }, { workspace: below })).rejects.toMatchObject({ code: 'workspace/not-found', exit: 2 });
  await expect(findWorkspace({ cwd: '/proc' }, {})).rejects.toMatchObject({ code: 'workspace/not-found', hint: expect.stringContaining('ensign init') as unknown });
});

// row S0-03: several profiles for one authority
it('defines profiles beside the ones that are there', async () => {
  const { profiles } = await load('version: 1\nprofiles:\n  contractor: { type: user, principals: [staging/deploy], ttl: 2h, maxTtl: 4h }\n  user: { maxTtl: 8h, ttl: 8h }\n');
  expect([...profiles.keys()].sort()).toEqual(['contractor', 'host', 'proof', 'user']);
  expect(profiles.get('contractor')).toMatchObject({ type: 'user', defaultTtl: 7200, maxTtl: 14_400, minTtl: 300, principals: ['staging/deploy'] });
  expect(profiles.get('user')).toMatchObject({ defaultTtl: 28_800, maxTtl: 28_800 });
});

describe('mistakes are told with their place', () => {
  it.each([
    ['', ['1:1 config/invalid expected keys with values']],
    ['version: 2\n', ['1:1 config/invalid version: expected 1']],
    ['version: 1\nverison: 1\n', ['2:1 config/invalid verison: unknown key']],
    ['version: 1\nca: { dir: x }\n', ['2:7 config/invalid ca.dir: unknown key']],
    ['version: 1\nca:\n  directory: 5\norganization: ""\n', ['3:3 config/invalid ca.directory: expected some text', '4:1 config/invalid organization: expected some text']],
    ['version: 1\nscopePrincipals: "yes"\n', ['2:1 config/invalid scopePrincipals: expected true or false']],
    ['version: 1\nprofiles: { x: { type: user, ttl: 60 } }\n', ['2:30 config/invalid profiles.x.ttl: expected a duration such as 16h']],
    ['version: 1\nprofiles: { x: { type: user, ttl: "60" } }\n', ['2:30 config/invalid profiles.x.ttl: "60" is not a duration; write a number with a unit: 45s, 15m, 16h, 30d, 2w, 1y, or 1h30m']],
    ['version: 1\nprofiles: { x: { type: admin } }\n', ['2:18 config/invalid profiles.x.type: expected user or host']],
    ['version: 1\norganization: "a\\u202eb"\n', ['2:1 config/invalid organization: control and invisible characters are not allowed']],
  ])('%j', async (text, expected) => {
    expect(await mistakes(text)).toEqual(expected);
  });

  it('YAML that is none, and YAML tricks', async () => {
    expect((await mistakes('version: 1\nca: [\n'))[0]).toMatch(/^[23]:\d+ config\/syntax /);
    expect((await mistakes('version: 1\nversion: 1\n'))[0]).toMatch(/^2:1 config\/syntax /);
    expect((await mistakes('version: 1\nbase: &b { directory: ca }\nca:\n  <<: *b\n')).length).toBeGreaterThan(0);
    expect((await mistakes('version: 1\n---\nversion: 1\n'))[0]).toMatch(/config\/syntax/);
  });

  it.each([
    ['profiles: { x: { ttl: 1h } }', 'has no type'],
    ['profiles: { x: { type: user, ttl: 2h, maxTtl: 1h } }', 'ttl is not between minTtl and maxTtl'],
    ['profiles: { x: { type: user, maxTtl: 2y } }', 'longer than a year'],
    ['profiles: { "Not A Slug": { type: user } }', 'a name is 1 to 36'],
    ['profiles: { x: { type: user, principals: ["a*b"] } }', 'principal pattern "a*b"'],
    ['profiles: { x: { type: host, extensions: [permit-pty] } }', 'is given but not in allowedExtensions'],
    ['profiles: { x: { type: host, allowedExtensions: [permit-pty] } }', 'is no extension of host certificates'],
    ['profiles: { x: { type: user, criticalOptions: [sudo] } }', 'is no critical option'],
    ['profiles: { proof: { type: user } }', "is ensign's own"],
  ])('%s', async (line, why) => {
    expect(await mistakes(`version: 1\n${line}\n`)).toEqual([expect.stringMatching(/^2:\d+ config\/invalid profiles\./)]);
    expect((await mistakes(`version: 1\n${line}\n`))[0]).toContain(why);
  });
});

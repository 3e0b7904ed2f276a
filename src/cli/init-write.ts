import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { AppError, usageError } from '../base/errors.ts';
import type { Authority, Purpose } from '../ca/authority.ts';
import { createCa, type CreateCaOptions } from '../ca/create.ts';
import { writeFileAtomically } from '../ca/private-file-adapter.ts';
import { readTemplate, renderTemplate } from '../sshd/templates-adapter.ts';
import type { InitAnswers } from './init-answers.ts';
import type { Io } from './io.ts';
import { readPublicKeyFile } from './public-key-file.ts';
import { findWorkspace, WORKSPACE_FILE } from './workspace.ts';

export interface CreatedWorkspace {
  readonly authorities: Readonly<Record<Purpose, Authority>>;
  /** Relative to the root where inside. */
  readonly files: readonly string[];
}

/** Writes a whole workspace. Whatever fails, everything that it made is taken away again. */
export async function createWorkspace(io: Io, answers: InitAnswers): Promise<CreatedWorkspace> {
  const undo: (() => Promise<void>)[] = [];
  try {
    return await write(io, answers, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw filesystemError(error);
  }
}

async function write(io: Io, answers: InitAnswers, undo: (() => Promise<void>)[]): Promise<CreatedWorkspace> {
  const { root } = answers;
  const files: string[] = [];
  const folder = async (path: string): Promise<void> => {
    const first = await mkdir(path, { recursive: true });
    if (first !== undefined) undo.push(() => rm(first, { recursive: true, force: true }));
  };
  const file = async (path: string, content: string, mode: number): Promise<void> => {
    await folder(dirname(path));
    undo.push(() => rm(path, { force: true }));
    await writeFileAtomically(path, content, mode);
    files.push(relativeOrAbsolute(root, path));
  };

  await folder(root);
  if (answers.newPassphraseFile !== undefined && answers.keys.from === 'new') {
    await file(answers.newPassphraseFile, `${answers.keys.passphrase.reveal()}\n`, 0o600);
  }
  // before the keys, so that no moment exists in which git could pick them up
  await guardFromGit(answers, undo, file);
  const directory = join(root, 'ca');
  const { organization } = answers;
  const authorities = await createCa({ directory, organization, clock: io.clock, keys: await keysOf(io, answers) });
  undo.push(() => rm(directory, { recursive: true, force: true }));
  files.push('ca/');
  for (const name of ['staging', 'production']) await file(join(root, 'inventories', `${name}.yaml`), readTemplate(`init/${name}.yaml`), 0o644);
  // last, because it is what makes a folder a workspace; and read back, because a file of ours that we refuse is a bug
  const settings = { organization: JSON.stringify(organization), passphraseFile: answers.passphraseFile === undefined ? '' : JSON.stringify(answers.passphraseFile), agent: answers.keys.from === 'agent' };
  await file(join(root, WORKSPACE_FILE), renderTemplate('init/ensign.yaml.hbs', settings), 0o644);
  await findWorkspace(io, { workspace: root });
  return { authorities, files };
}

async function guardFromGit(answers: InitAnswers, undo: (() => Promise<void>)[], file: (path: string, content: string, mode: number) => Promise<void>): Promise<void> {
  const path = join(answers.root, '.gitignore');
  const named = answers.passphraseFile !== undefined && !isAbsolute(answers.passphraseFile) ? `/${answers.passphraseFile}\n` : '';
  const block = `${readTemplate('init/gitignore')}${named}`;
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before === undefined) {
    await file(path, block, 0o644);
    return;
  }
  undo.push(() => writeFileAtomically(path, before, 0o644));
  await writeFileAtomically(path, `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${block}`, 0o644);
}

async function keysOf(io: Io, { keys }: InitAnswers): Promise<CreateCaOptions['keys']> {
  if (keys.from === 'new') return keys;
  return { from: 'agent', socket: io.env['SSH_AUTH_SOCK'], user: await readPublicKeyFile(keys.userKeyFile), host: await readPublicKeyFile(keys.hostKeyFile) };
}

function filesystemError(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error) || !('code' in error) || !('path' in error)) return error;
  return usageError('init/cannot-write', `${String(error.path)} cannot be used (${String(error.code)})`, { cause: error, hint: 'nothing was left behind; choose a folder that you can write to' });
}

function relativeOrAbsolute(root: string, path: string): string {
  const inside = relative(root, path);
  return inside.startsWith('..') ? path : inside;
}

// Builds dist/, or the folder that is named: one entry with lazily loaded chunks, so that `ensign --help` reads little.
import { rm, chmod } from 'node:fs/promises';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
const outdir = process.argv[2] ?? `${root}dist`;
await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: { ensign: `${root}src/main.ts` },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  chunkNames: 'chunks/[name]-[hash]',
  banner: { js: '#!/usr/bin/env node' },
  logLevel: 'warning',
});
await chmod(`${outdir}/ensign.js`, 0o755);

import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { nowSeconds } from '../base/clock.ts';
import { parseDuration } from '../base/duration.ts';
import { AppError, EXIT, type ExitCode } from '../base/errors.ts';
import type { JumpHost } from '../inventory/host.ts';
import type { ScanResult } from '../ssh/scan.ts';
import type { Ways } from '../ssh/ways.ts';
import { fingerprint, type PublicKey } from '../wire/public-key.ts';
import { addLoginFlags } from './fleet-flags.ts';
import type { Io } from './io.ts';
import { findingJson, renderFinding, type Finding } from './render-scan.ts';
import { finish } from './run.ts';
import type { ScanTarget } from './scan-target.ts';
import { scanTargets, type ScanWayFlags } from './scan-ways.ts';
import { addWorkspaceFlag, findWorkspace, type Workspace, type WorkspaceFlags } from './workspace.ts';

interface Flags extends WorkspaceFlags, ScanWayFlags {
  readonly authority?: readonly string[];
  readonly timeout: string;
  readonly json?: boolean;
}

const CONCURRENCY = 20;

/** `ensign scan`: what hosts serve to everybody, proven by the key exchange, without logging in. */
export function scanCommand(io: Io): Command {
  const command = new Command('scan')
    .description('the certificate or key that hosts serve, and whether it convinces; nobody logs in')
    .argument('[host...]', 'HOST, HOST:PORT or [IPV6]:PORT; the certificate must be for HOST')
    .option('-i, --inventory <file>', 'scan the hosts of this inventory, through their jump hosts')
    .option('-l, --limit <pattern>', 'only these of them: names, globs, ranges, @group; commas join, &term keeps, !term takes away')
    .option('-J, --jump <hosts>', 'jump hosts on the way: [user@]host[:port], commas join, the nearest first; none goes straight')
    .option('--authority <file...>', 'public key of a host authority (default: that of the workspace, where there is one)')
    .option('--timeout <duration>', 'for each host', '10s')
    .option('--json', 'one JSON object on stdout');
  return addWorkspaceFlag(addLoginFlags(command)).action((hosts: string[], flags: Flags) => finish(io, flags.json === true, () => run(io, hosts, flags)));
}

async function run(io: Io, hosts: readonly string[], flags: Flags): Promise<ExitCode> {
  const timeoutMs = parseDuration(flags.timeout) * 1000;
  const targets = await scanTargets(io, hosts, flags);
  const workspace = await workspaceIfThere(io, flags);
  const authorities = await readAuthorities(io, flags, workspace);
  const { openScanWays } = await import('./scan-ways.ts');
  const ways = await openScanWays(io, flags, targets, workspace);
  try {
    return show(io, flags, authorities, await scanAll(io, ways, targets, authorities, timeoutMs));
  } finally {
    await ways.close();
  }
}

async function scanAll(io: Io, ways: Ways<JumpHost>, targets: readonly ScanTarget[], authorities: readonly PublicKey[] | undefined, timeoutMs: number): Promise<Finding[]> {
  const { default: limited } = await import('p-limit');
  const limit = limited(CONCURRENCY);
  return Promise.all(
    targets.map((target) =>
      limit(async (): Promise<Finding> => {
        io.interrupted.throwIfAborted();
        try {
          return await judge(io, target, authorities, await ways.to(target.jump).scan({ address: target.address, port: target.port, timeoutMs }));
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          return { target, verdict: error.exit === EXIT.unreachable ? 'unreachable' : 'bad', reason: error };
        }
      }),
    ),
  );
}

function show(io: Io, flags: Flags, authorities: readonly PublicKey[] | undefined, findings: readonly Finding[]): ExitCode {
  if (flags.json === true) io.out(JSON.stringify({ authorities: authorities?.map(fingerprint) ?? null, hosts: findings.map((f) => findingJson(io, f)) }, null, 2));
  else findings.flatMap((finding) => renderFinding(io, finding)).forEach((line) => io.out(line));
  if (findings.some(({ verdict }) => verdict === 'bad')) return EXIT.hostsFailed;
  return findings.some(({ verdict }) => verdict === 'unreachable') ? EXIT.unreachable : EXIT.good;
}

/** Undefined where neither a flag nor a workspace names any. */
async function readAuthorities(io: Io, flags: Flags, workspace: Workspace | undefined): Promise<readonly PublicKey[] | undefined> {
  const { readPublicKeyFile } = await import('./public-key-file.ts');
  if (flags.authority !== undefined) return Promise.all(flags.authority.map((file) => readPublicKeyFile(resolve(io.cwd, file))));
  return workspace === undefined ? undefined : [await readPublicKeyFile(join(workspace.caDirectory, 'host_ca.pub'))];
}

async function workspaceIfThere(io: Io, flags: Flags): Promise<Workspace | undefined> {
  // who names authorities needs no workspace, and a broken one is none of theirs
  if (flags.authority !== undefined && flags.workspace === undefined) return undefined;
  return findWorkspace(io, flags).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'workspace/not-found' && flags.workspace === undefined) return undefined;
    throw error;
  });
}

async function judge(io: Io, target: ScanTarget, authorities: readonly PublicKey[] | undefined, scanned: ScanResult): Promise<Finding> {
  const { certificate } = scanned;
  if (certificate === undefined) {
    // whoever names authorities wants to know whether hosts are under them
    if (authorities === undefined) return { target, verdict: 'plain key', scanned };
    return { target, verdict: 'bad', scanned, reason: new AppError('scan/no-certificate', 'the host has no certificate, only a plain key') };
  }
  const { checkCertificate } = await import('../wire/check-certificate.ts');
  try {
    // without authorities the rest is still checked: its own signature, the name, the dates
    const known = authorities ?? [certificate.signatureKey];
    checkCertificate(certificate, { type: 'host', authorities: known, principal: target.name, nowSeconds: nowSeconds(io.clock) });
    return { target, verdict: authorities === undefined ? 'not checked' : 'good', scanned };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { target, verdict: 'bad', scanned, reason: error };
  }
}

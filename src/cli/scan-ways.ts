import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { AppError, usageError } from '../base/errors.ts';
import type { JumpHost } from '../inventory/host.ts';
import type { Ways } from '../ssh/ways.ts';
import type { LoginFlags } from './credentials.ts';
import type { Io } from './io.ts';
import { parseScanTarget, targetOf, type ScanTarget } from './scan-target.ts';
import type { Workspace } from './workspace.ts';

/** Flags about what is scanned, and over which jump hosts. */
export interface ScanWayFlags extends LoginFlags {
  readonly inventory?: string;
  readonly limit?: string;
  readonly jump?: string;
}

/**
 * The hosts that were named, or those of the inventory, with the jump hosts on the way to them.
 * @throws AppError `scan/bad-target`, `scan/no-target`, `scan/two-kinds`, and those of the inventory
 */
export async function scanTargets(io: Io, hosts: readonly string[], { inventory: file, limit, jump }: ScanWayFlags): Promise<readonly ScanTarget[]> {
  const { withJumps } = await import('./jump-flag.ts');
  if (file === undefined) {
    if (hosts.length === 0) throw usageError('scan/no-target', 'there is nothing to scan', { hint: 'name hosts, or an inventory with -i' });
    if (limit !== undefined) throw usageError('scan/two-kinds', '--limit chooses hosts of an inventory, and there is none', { hint: 'name the inventory with -i' });
    return withJumps(hosts.map(parseScanTarget), jump, []);
  }
  if (hosts.length > 0) throw usageError('scan/two-kinds', 'hosts are named, and an inventory as well', { hint: 'choose hosts of the inventory with --limit, or leave -i out' });
  const { readInventory } = await import('./read-inventory.ts');
  const { selectHosts } = await import('../inventory/select.ts');
  const inventory = await readInventory(io, file);
  return withJumps(limit === undefined ? inventory.hosts : selectHosts(inventory.hosts, limit), jump, inventory.hosts).map(targetOf);
}

/** The ways of a scan. What logging in needs is read only where there are jump hosts to log in to. */
export async function openScanWays(io: Io, flags: ScanWayFlags, targets: readonly ScanTarget[], workspace: Workspace | undefined): Promise<Ways<JumpHost>> {
  const jumps = targets.flatMap(({ jump }) => jump);
  if (jumps.length === 0) return straight(io);
  const { connectNodeSsh } = await import('../ssh/node-ssh-adapter.ts');
  const { openCredentialSource } = await import('./credentials.ts');
  const { readHostTrust } = await import('./host-trust.ts');
  const { readPublicKeyFile } = await import('./public-key-file.ts');
  const { openWays } = await import('./ways.ts');
  const home = io.env['HOME'] ?? homedir();
  const authority = workspace === undefined ? undefined : await readPublicKeyFile(join(workspace.caDirectory, 'host_ca.pub'));
  return openWays(io, await readHostTrust(io, workspace, authority, home), await openCredentialSource(io, flags, home, jumps), connectNodeSsh);
}

async function straight(io: Io): Promise<Ways<JumpHost>> {
  const { scanHostCertificate } = await import('../ssh/scan.ts');
  const { Ways } = await import('../ssh/ways.ts');
  const nobody = (): Promise<never> => Promise.reject(new AppError('ssh/library', 'a scan logs in to nobody'));
  return new Ways<JumpHost>({ clock: io.clock, wait: (ms) => wait(ms), random: Math.random, connect: nobody, logIn: nobody, scan: scanHostCertificate });
}

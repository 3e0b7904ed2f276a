import { caCommand } from './ca.ts';
import { initCommand } from './init.ts';
import { applyCommand } from './apply.ts';
import { inventoryCommand } from './inventory.ts';
import { planCommand } from './plan.ts';
import { knownHostsCommand } from './known-hosts.ts';
import type { CommandFactory } from './program.ts';
import { scanCommand } from './scan.ts';
import { statusCommand } from './status.ts';

/** Every command, in the order that `ensign --help` shows. */
export const commands: readonly CommandFactory[] = [
  initCommand,
  caCommand,
  inventoryCommand,
  knownHostsCommand,
  planCommand,
  applyCommand,
  statusCommand,
  scanCommand,
];

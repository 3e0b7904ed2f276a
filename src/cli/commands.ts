import { inventoryCommand } from './inventory.ts';
import type { CommandFactory } from './program.ts';

/** Every command, in the order that `ensign --help` shows. */
export const commands: readonly CommandFactory[] = [
  inventoryCommand,
];

import { Command } from 'commander';
import { caForgetCommand } from './ca-forget.ts';
import { caLogCommand, caVerifyLogCommand } from './ca-log.ts';
import { caShowCommand } from './ca-show.ts';
import { caSignCommand } from './ca-sign.ts';
import type { CommandFactory } from './program.ts';

export const caCommand: CommandFactory = (io) => {
  const command = new Command('ca').description('the two authorities of a workspace: show them, sign with them, read what they did');
  for (const factory of [caShowCommand, caSignCommand, caLogCommand, caVerifyLogCommand, caForgetCommand]) command.addCommand(factory(io));
  return command;
};

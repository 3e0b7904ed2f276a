import { systemClock } from './base/clock.ts';
import { processIo } from './cli/io.ts';
import { commands } from './cli/commands.ts';
import { runProgram } from './cli/program.ts';
import { report } from './cli/run.ts';

const io = processIo(systemClock);
try {
  await runProgram(io, process.argv.slice(2), commands);
} catch (error) {
  process.exitCode = report(io, process.argv.includes('--json'), error);
}

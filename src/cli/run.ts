import { AppError, EXIT, formatLocation, type ExitCode } from '../base/errors.ts';
import { paint, type Io } from './io.ts';

/**
 * Runs the body of a command and sets the process's exit code: what the body returns, or the code of the AppError it
 * threw, after telling the person what happened and what to do. With `--json` an error is one JSON object on stderr.
 */
export async function finish(io: Io, json: boolean, body: () => Promise<ExitCode>): Promise<void> {
  try {
    process.exitCode = await body();
  } catch (error) {
    process.exitCode = report(io, json, error);
  }
}

/** Prints an error and returns the exit code it stands for. */
export function report(io: Io, json: boolean, error: unknown): ExitCode {
  if (isPromptAbort(error) || (io.interrupted.aborted && !(error instanceof AppError))) {
    io.note('interrupted');
    return EXIT.interrupted;
  }
  if (!(error instanceof AppError)) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.note(json ? JSON.stringify({ error: { code: 'internal', message: String(error) } }) : `${paint(io, 'bad', 'error')} unexpected: ${detail}`);
    if (!json) io.note('this is a bug in ensign; please report it with the lines above');
    return EXIT.unexpected;
  }
  if (json) {
    io.note(JSON.stringify({ error: { ...jsonOf(error), exit: error.exit } }));
    return error.exit;
  }
  for (const detail of error.details) tell(io, detail);
  tell(io, error);
  return error.exit;
}

function jsonOf(error: AppError): Record<string, unknown> {
  const details = error.details.length === 0 ? undefined : error.details.map(jsonOf);
  return { code: error.code, message: error.message, hint: error.hint, at: error.at, details };
}

function tell(io: Io, error: AppError): void {
  const place = error.at === undefined ? '' : `${formatLocation(error.at)}: `;
  io.note(`${paint(io, 'bad', 'error')} ${place}${error.message} ${paint(io, 'dim', `[${error.code}]`)}`);
  if (error.hint !== undefined) io.note(`${paint(io, 'dim', 'hint')}  ${error.hint}`);
}

// @inquirer throws an error of this name at Ctrl-C and at a closed stdin
function isPromptAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError');
}

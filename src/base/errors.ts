/** Stable exit codes of every command; scripts depend on them. */
export const EXIT = {
  good: 0,
  unexpected: 1,
  usage: 2,
  pending: 3,
  hostsFailed: 4,
  unreachable: 5,
  refused: 6,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A place in a file that a person can jump to. Lines and columns start at 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export interface AppErrorOptions {
  /** What to do next, as a sentence for the person reading it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  readonly exit?: ExitCode | undefined;
  readonly at?: SourceLocation | undefined;
  /** The single mistakes behind a summary ("3 mistakes in staging.yaml"), in the order to print them. */
  readonly details?: readonly AppError[] | undefined;
}

/**
 * The one error type that ensign throws on purpose. `code` is stable and of the form `area/what`
 * (`wire/trailing-bytes`, `inventory/duplicate-host`); nothing branches on the message.
 * Messages are lower-case and never carry a secret.
 */
export class AppError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly exit: ExitCode;
  readonly at: SourceLocation | undefined;
  readonly details: readonly AppError[];

  constructor(code: string, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.hint = options.hint;
    this.exit = options.exit ?? EXIT.unexpected;
    this.at = options.at;
    this.details = options.details ?? [];
  }
}

/** A mistake in what a person gave us: flags, files, configuration. Exit code 2. */
export function usageError(code: string, message: string, options: Omit<AppErrorOptions, 'exit'> = {}): AppError {
  return new AppError(code, message, { ...options, exit: EXIT.usage });
}

/** `file:line:column`, as editors and compilers print it. */
export function formatLocation(at: SourceLocation): string {
  return [at.file, at.line, at.line === undefined ? undefined : at.column].filter((p) => p !== undefined).join(':');
}

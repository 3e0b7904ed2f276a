import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chunk, ChunkResult } from './worker.ts';

// processor time, which a busy machine does not shorten; the slowest honest input derives a key for 12 s
const CPU_BUDGET_SECONDS = 40;
// waiting for something that never comes takes no processor time at all
const STILL_BUDGET_SECONDS = 120;
const MEMORY_BUDGET_MIB = 1024;
const TICKS_PER_SECOND = 100; // getconf CLK_TCK, the same on every Linux that Node runs on

/** A worker died of an input, or was ended because of it. */
export class Lost extends Error {
  readonly input: number;

  constructor(input: number, what: string) {
    super(what);
    this.input = input;
  }
}

export interface Budgets {
  readonly cpuSeconds?: number;
  readonly stillSeconds?: number;
  readonly memoryMib?: number;
  /** File with a target for the test of the watchdog. */
  readonly extraTarget?: string;
  /** How that target is to break. */
  readonly extraMode?: string;
}

/** A worker process under watch. */
export class Child {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ensign-fuzz-'));
  readonly #budgets: Budgets;
  #process: ChildProcess | undefined;
  #stderr = '';

  constructor(budgets: Budgets = {}) {
    this.#budgets = budgets;
  }

  /** Runs a chunk. @throws Lost with the input that the worker did not survive; the next chunk has a new worker */
  async run(chunk: Chunk): Promise<ChunkResult> {
    const child = this.#process ?? (await this.#start());
    return new Promise((resolve, reject) => {
      const watch = new Watch(child.pid ?? 0, this.#budgets);
      const timer = setInterval(() => {
        const what = watch.complaint(this.#current());
        if (what !== undefined) end(new Lost(this.#current(), what));
      }, 250);
      const onMessage = (result: unknown): void => {
        settle();
        resolve(result as ChunkResult);
      };
      const onExit = (code: number | null, signal: string | null): void => end(new Lost(this.#current(), `the process died (${signal ?? code ?? 'unknown'}): ${this.#stderr.trim().split('\n').slice(0, 6).join(' | ')}`));
      const end = (error: Lost): void => {
        settle();
        this.#process = undefined;
        child.kill('SIGKILL');
        reject(error);
      };
      const settle = (): void => {
        clearInterval(timer);
        child.off('message', onMessage).off('exit', onExit);
      };
      child.on('message', onMessage).on('exit', onExit);
      child.send(chunk);
    });
  }

  stop(): void {
    this.#process?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #current(): number {
    const bytes = readFileSync(join(this.#folder, 'progress'));
    return bytes.length < 4 ? 0 : bytes.readUInt32LE();
  }

  async #start(): Promise<ChildProcess> {
    const { extraTarget, extraMode = '' } = this.#budgets;
    const child = fork(join(import.meta.dirname, 'worker.ts'), [join(this.#folder, 'progress')], {
      execArgv: ['--import', import.meta.resolve('tsx'), '--max-old-space-size=512'],
      // a key file of the person who runs this is nobody's business here
      env: { PATH: process.env['PATH'], TMPDIR: this.#folder, ...(extraTarget === undefined ? {} : { ENSIGN_FUZZ_TARGET: extraTarget, ENSIGN_FUZZ_MODE: extraMode }) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#stderr = '';
    child.stderr?.on('data', (data: Buffer) => (this.#stderr = (this.#stderr + data.toString()).slice(0, 4000)));
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', () => reject(new Error(`the worker does not start: ${this.#stderr}`)));
    });
    this.#process = child;
    return child;
  }
}

/** Compares what one input has cost so far with the budgets. */
class Watch {
  readonly #pid: number;
  readonly #budgets: Budgets;
  #input = -1;
  #cpu = 0;
  #since = performance.now();

  constructor(pid: number, budgets: Budgets) {
    this.#pid = pid;
    this.#budgets = budgets;
  }

  complaint(input: number): string | undefined {
    const { cpuSeconds = CPU_BUDGET_SECONDS, stillSeconds = STILL_BUDGET_SECONDS, memoryMib = MEMORY_BUDGET_MIB } = this.#budgets;
    const mib = residentMib(this.#pid);
    if (mib > memoryMib) return `it takes ${Math.round(mib)} MiB of memory`;
    const cpu = cpuTicks(this.#pid) / TICKS_PER_SECOND;
    if (input !== this.#input) {
      this.#input = input;
      this.#cpu = cpu;
      this.#since = performance.now();
    }
    if (cpu - this.#cpu > cpuSeconds) return `it hangs: ${cpuSeconds} s of processor time were not enough`;
    if (performance.now() - this.#since > stillSeconds * 1000) return `it waits for something that does not come within ${stillSeconds} s`;
    return undefined;
  }
}

// proc(5): fields 14 and 15, counted behind the name, which may hold anything
function cpuTicks(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).replace(/^.*\) /s, '').split(' ');
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // it has just ended
    return '';
  }
}

// npm test: sets the machine up, builds, runs the unit tests, then the lab tests inside a lab. The last line has the totals.
//   node scripts/test.mjs [--no-build] [--unit [FILTER...] | --lab [FILTER...]]
import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { SetUpError, asRoot, callerOptions, root, runMain, setUp } from './setup.mjs';

// a test that blocks its worker escapes every timeout of the runner's
const LONGEST_MS = 40 * 60_000;

await runMain(() => {
  const { projects, filters, build } = readArguments(process.argv.slice(2));
  prepare(projects, build);
  // a folder of the caller's, in which root may write as well
  const reports = mkdtempSync(`${tmpdir()}/ensign-test-`);
  const caller = callerOptions();
  if (caller.uid !== undefined) chownSync(reports, caller.uid, caller.gid);
  try {
    return summarize(projects.map((project) => runProject(project, filters, `${reports}/${project}.json`)));
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
});

function readArguments(args) {
  const build = args[0] !== '--no-build';
  const [part, ...filters] = build ? args : args.slice(1);
  if (part === undefined) return { projects: ['unit', 'lab'], filters, build };
  if (part === '--unit' || part === '--lab') return { projects: [part.slice(2)], filters, build };
  throw new SetUpError(`usage: npm test, or node scripts/test.mjs [--no-build] --unit|--lab [FILTER...]; there is no ${part}`);
}

function prepare(projects, build) {
  try {
    setUp({ lab: projects.includes('lab'), build });
  } catch (error) {
    if (!(error instanceof SetUpError) || projects.length === 1) throw error;
    throw new SetUpError(`${error.message}; or run only the tests that need no hosts: node scripts/test.mjs --unit`);
  }
}

/** Runs one project of vitest.config.ts and reads what it counted. A run that broke counts as one failure at least. */
function runProject(project, filters, report) {
  process.stdout.write(`\n== ${project} tests\n`);
  const vitest = [process.execPath, `${root}node_modules/vitest/vitest.mjs`, 'run', '--project', project,
    '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters];
  const status = project === 'lab' ? runAsRootInLab(vitest) : run(vitest, callerOptions());
  const { passed, failed, skipped, failures } = readReport(report);
  const broke = status !== 0 && failed === 0;
  return { passed, skipped, failed: broke ? 1 : failed, failures: broke ? [...failures, `the ${project} run itself ended with ${status}`] : failures };
}

function runAsRootInLab(argv) {
  const cli = [process.execPath, '--import', import.meta.resolve('tsx'), `${root}test/lab/support/cli.ts`];
  return run(asRoot([...cli, 'with', ...argv]), {});
}

function run([file, ...args], options) {
  const { status, error } = spawnSync(file, args, { cwd: root, stdio: 'inherit', timeout: LONGEST_MS, ...options });
  if (error?.code === 'ETIMEDOUT') {
    process.stdout.write(`\nstopped after ${LONGEST_MS / 60_000} minutes; what ran then:\n`);
    spawnSync('ps', ['-eo', 'pid,ppid,stat,wchan:20,etimes,args', '--forest'], { stdio: 'inherit' });
  }
  return status ?? 1;
}

function readReport(path) {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'));
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = report;
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests, failures: report.testResults.flatMap(failuresOf) };
  } catch {
    return { passed: 0, failed: 1, skipped: 0, failures: ['the run ended without a report'] };
  }
}

/** Each failed test of a file with the first lines of its reason; or the file itself, where it could not even be loaded. */
function failuresOf({ name, message, status, assertionResults }) {
  const file = relative(root, name);
  const failed = assertionResults.filter((one) => one.status === 'failed');
  if (failed.length === 0) return status === 'failed' ? [`${file}\n    ${firstLines(message)}`] : [];
  return failed.map((one) => `${file} > ${one.fullName}\n    ${firstLines(one.failureMessages.join('\n'))}`);
}

function firstLines(text) {
  return stripVTControlCharacters(text ?? '').split('\n').slice(0, 3).join('\n    ');
}

function summarize(results) {
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  const skipped = sum('skipped');
  // once more at the end, where somebody who sees only the end of a long log finds them
  for (const failure of results.flatMap((result) => result.failures)) process.stdout.write(`\nfailed: ${failure}\n`);
  process.stdout.write(`\n${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  return sum('failed') === 0 ? 0 : 1;
}

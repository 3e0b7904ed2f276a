// npm test: sets the machine up, builds, runs the unit tests, then the lab tests inside a lab. The last line has the totals.
//   node scripts/test.mjs [--no-build] [--unit [FILTER...] | --lab [FILTER...] | --matrix [IMAGE...] [--only FILTER...]]
import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { SetUpError, asRoot, callerOptions, root, runMain, setUp } from './setup.mjs';

// a test that blocks its worker escapes every timeout of the runner's
const LONGEST_MS = 40 * 60_000;

// what the matrix can be asked for: generations of hosts, hosts without systemd, and one fleet of all of them
const IMAGES = ['bullseye', 'bookworm', 'trixie', 'sid', 'sysvinit', 'mixed'];

await runMain(() => {
  const { runs, build } = readArguments(process.argv.slice(2));
  prepare(runs, build);
  // a folder of the caller's, in which root may write as well
  const reports = mkdtempSync(`${tmpdir()}/ensign-test-`);
  const caller = callerOptions();
  if (caller.uid !== undefined) chownSync(reports, caller.uid, caller.gid);
  try {
    return summarize(runs.map((run) => runProject(run, `${reports}/${run.title.replaceAll(' ', '-')}.json`)));
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
});

function readArguments(args) {
  const build = args[0] !== '--no-build';
  const [part, ...rest] = build ? args : args.slice(1);
  if (part === undefined) return { runs: [{ title: 'unit', project: 'unit' }, { title: 'lab', project: 'lab' }], build };
  if (part === '--unit' || part === '--lab') return { runs: [{ title: part.slice(2), project: part.slice(2), filters: rest }], build };
  if (part === '--matrix') return { runs: matrixOf(rest), build };
  throw new SetUpError(`usage: npm test, or node scripts/test.mjs [--no-build] --unit|--lab [FILTER...], or npm run test:matrix -- [IMAGE...] [--only FILTER...]; there is no ${part}`);
}

/** The same tests once for each image. */
function matrixOf(args) {
  const only = args.includes('--only') ? args.indexOf('--only') : args.length;
  const images = only === 0 ? IMAGES : args.slice(0, only);
  if (only === args.length - 1) throw new SetUpError('--only takes the names of test files, such as undo');
  const unknown = images.find((image) => !IMAGES.includes(image));
  if (unknown !== undefined) throw new SetUpError(`there is no image ${unknown}; there are: ${IMAGES.join(', ')}`);
  // hosts without systemd, and fleets of several images, have tests of their own
  const alone = (image) => image === 'sysvinit' || image === 'mixed';
  return images.map((image) => ({ title: `matrix ${image}`, image, ...(alone(image) ? { project: image } : { project: 'matrix', filters: args.slice(only + 1) }) }));
}

function prepare(runs, build) {
  try {
    setUp({ lab: runs.some(({ project }) => project !== 'unit'), images: runs.some(({ image }) => image !== undefined), build });
  } catch (error) {
    if (!(error instanceof SetUpError) || runs.length === 1) throw error;
    throw new SetUpError(`${error.message}; or run only the tests that need no hosts: node scripts/test.mjs --unit`);
  }
}

/** Runs one project of vitest.config.ts and reads what it counted. A run that broke counts as one failure at least. */
function runProject({ title, project, filters = [], image }, report) {
  process.stdout.write(`\n== ${title} tests\n`);
  const vitest = [process.execPath, `${root}node_modules/vitest/vitest.mjs`, 'run', '--project', project,
    '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters];
  const status = project === 'unit' ? run(vitest, callerOptions()) : runAsRootInLab(vitest, image);
  const { passed, failed, skipped, failures } = readReport(report);
  const broke = status !== 0 && failed === 0;
  return { title, passed, skipped, failed: broke ? 1 : failed, failures: broke ? [...failures, `the ${title} run itself ended with ${status}`] : failures };
}

/** Images are built by the lab before it closes its door: its network has no way out. */
function runAsRootInLab(argv, image) {
  const cli = [process.execPath, '--import', import.meta.resolve('tsx'), `${root}test/lab/support/cli.ts`];
  return run(asRoot([...cli, 'with', ...(image === undefined ? [] : ['--image', image]), ...argv]), {});
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
  for (const { title, failures } of results) for (const failure of failures) process.stdout.write(`\nfailed${title.startsWith('matrix') ? ` (${title})` : ''}: ${failure}\n`);
  process.stdout.write('\n');
  if (results.length > 1) for (const { title, passed, failed } of results) process.stdout.write(`${title.padEnd(16)} ${passed} passed, ${failed} failed\n`);
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  return sum('failed') === 0 ? 0 : 1;
}

/**
 * @file Compiles and runs openmpi_allreduce.c, with the shared-memory transport and nothing else.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { fail } from '../common.mjs';

const SOURCE = fileURLToPath(new URL('openmpi_allreduce.c', import.meta.url));
const BUILD = fileURLToPath(new URL('build/', import.meta.url));
const PROGRAM = `${BUILD}openmpi_allreduce`;

/** Ends the process with what to install when something is missing. */
export function buildPeer() {
  const missing = ['mpicc', 'mpirun'].filter((tool) => spawnSync(tool, ['--version']).status !== 0);
  if (missing.length > 0) {
    fail(
      `${missing.join(' and ')} cannot be run; on Debian and Ubuntu: apt-get install --no-install-recommends gcc libc6-dev openmpi-bin libopenmpi-dev`,
    );
  }
  mkdirSync(BUILD, { recursive: true });
  const { status } = spawnSync('mpicc', ['-O3', '-march=native', '-Wall', SOURCE, '-o', PROGRAM, '-lm'], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail(`mpicc failed on ${SOURCE}`);
}

/** One run over all sizes: `{ library, singleCopy, rows: [{ bytes, us, spread }] }`. */
export async function runPeer({ ranks, begin, end, factor, seconds, protocol }) {
  // ob1 is named so that no other message layer takes the place of the shared-memory transport.
  const transport = ['--mca', 'pml', 'ob1', '--mca', 'btl', 'self,vader'];
  const enough = ranks <= availableParallelism();
  const place = enough ? ['--bind-to', 'core'] : ['--bind-to', 'none', '--oversubscribe'];
  const root = process.getuid?.() === 0 ? ['--allow-run-as-root'] : [];
  const own = ['-b', begin, '-e', end, '-f', factor, '-t', seconds, '-p', protocol].map(String);
  const args = ['-np', String(ranks), ...root, ...transport, ...place, PROGRAM, ...own];
  const [about, ...rows] = (await output('mpirun', args))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { ...about, rows };
}

/** What a command prints. Its ranks poll without end, so it must not outlive this process. */
function output(command, args) {
  return new Promise((succeed) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 2] });
    const end = () => child.kill('SIGTERM');
    const interrupted = () => process.exit(130);
    process.once('exit', end).once('SIGINT', interrupted).once('SIGTERM', interrupted);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    child.on('close', (status) => {
      process.off('exit', end).off('SIGINT', interrupted).off('SIGTERM', interrupted);
      if (status !== 0) fail(`failed with status ${status}: ${command} ${args.join(' ')}`);
      succeed(text);
    });
  });
}

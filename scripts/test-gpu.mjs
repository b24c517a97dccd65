/**
 * @file `npm run test:gpu`: the kernels of models on one GPU (alone: --only compute), the other test programs for every world size that the
 * host has GPUs for, then faults, then compute-sanitizer. Needs dist/ and the production dependencies only. Prints what ran and what was skipped
 * and why; without a GPU it says so and exits 0.
 *
 * $CROSSOVER_RANKS_PER_GPU lets several ranks share a GPU, for worlds of more ranks than GPUs.
 *
 *   node scripts/test-gpu.mjs [--ranks 1,2,3,4] [--only text] [--quick] [--no-sanitizer] [--seconds 600] [--engine cuda]
 */
import { fork, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
/** Longest that one case may take. */
const CASE_SECONDS = 150;
const SANITIZER_SECONDS = 240;

const { values: options } = parseArgs({
  options: {
    ranks: { type: 'string' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    'no-sanitizer': { type: 'boolean', default: false },
    seconds: { type: 'string', default: '600' },
    engine: { type: 'string', default: 'cuda' },
  },
});
const started = performance.now();
const elapsed = () => (performance.now() - started) / 1000;
const counts = { passed: 0, failed: 0, skipped: 0 };

if (!existsSync(here('dist/group/launch.js'))) end('there is no dist/; run "npm run build" first', 1);
const { suite } = await import('../test/gpu/suite.mjs');
const { deviceCount, ranksPerGpu } =
  options.engine === 'cuda' ? await countDevices() : { deviceCount: 4, ranksPerGpu: 1 };
if (deviceCount < 1) end('test:gpu: skipped, nothing was run: there is no GPU here', 0);
const most = deviceCount * ranksPerGpu;
const worlds = (options.ranks?.split(',').map(Number) ?? [1, 2, 3, 4]).filter((world) => {
  if (world <= most) return true;
  report('skipped', `${world} ranks`, `this host has GPUs for ${most}`);
  return false;
});

for (const world of worlds) {
  const cases = suite(world, options.engine, ranksPerGpu).filter(({ name }) => name.includes(options.only));
  if (cases.length > 0) console.log(`\n${headline(world)}`);
  await runCases(cases);
}
if (options.only === '' && deviceCount > 1 && ranksPerGpu === 1) sanitize();
const { passed, failed, skipped } = counts;
end(
  `\n${passed} passed, ${failed} failed, ${skipped} skipped, ${elapsed().toFixed(0)} s`,
  failed > 0 ? 1 : 0,
);

/** GPUs that the driver shows; none, and why, where there is no driver or no CUDA engine. */
async function countDevices() {
  try {
    const { ENGINES } = await import('../dist/collective/engines.js');
    if (!ENGINES.includes('cuda'))
      end('test:gpu: skipped, nothing was run: this version has no CUDA engine', 0);
    const { deviceCount: count } = await import('../dist/engine/cuda/device.js');
    const { ranksPerGpu: most } = await import('../dist/engine/cuda/sharing.js');
    return { deviceCount: count(), ranksPerGpu: most() };
  } catch (error) {
    return end(`test:gpu: skipped, nothing was run: ${error.message}`, 0);
  }
}

function headline(world) {
  const gpus = Math.ceil(world / ranksPerGpu);
  const ranks = ranksPerGpu > 1 ? `${world} ranks on ` : '';
  return `${ranks}${gpus} ${gpus === 1 ? 'GPU' : 'GPUs'}`;
}

async function runCases(cases) {
  let child;
  for (const one of cases) {
    if (one.skip) report('skipped', one.name, one.skip);
    else if (elapsed() > Number(options.seconds))
      report('skipped', one.name, `${options.seconds} s are over`);
    else {
      const shown = options.quick ? shortened(one) : one;
      // A case that sets the environment needs a process that starts with it.
      if (one.env) child = stop(child);
      if (!one.hosts) child ??= runner(one.env);
      const result = one.hosts ? await onHosts(shown) : await answer(child, shown);
      const { problems, cases: number, seconds, note } = result;
      report(problems.length > 0 ? 'failed' : 'passed', one.name, summary(number, seconds, note));
      for (const problem of problems) console.log(`          ${problem}`);
      // What failed may have left anything behind.
      if (problems.length > 0 || one.env) child = stop(child);
    }
  }
  stop(child);
}

function runner(env) {
  return fork(here('test/gpu/runner.mjs'), { env: { ...process.env, ...env }, serialization: 'advanced' });
}

/** The first host's answer. Each host is a runner that sees its own GPUs only. */
async function onHosts(one) {
  const ranks = one.world / one.hosts;
  const rendezvous = `127.0.0.1:${await freePort()}`;
  const secret = randomBytes(32).toString('hex');
  const runners = Array.from({ length: one.hosts }, (_, node) => {
    const gpus = Array.from({ length: ranks }, (_, i) => node * ranks + i);
    return runner({ ...one.env, CUDA_VISIBLE_DEVICES: gpus.join(',') });
  });
  const answers = runners.map((child, node) =>
    answer(child, { ...one, hosts: { nodes: one.hosts, node, rendezvous, secret } }),
  );
  const [first] = await Promise.all(answers);
  for (const child of runners) stop(child);
  return first;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** What the runner says, or what became of it. */
function answer(child, one) {
  return new Promise((resolve) => {
    const give = (result) => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(result);
    };
    const fail = (problem) => give({ problems: [problem], cases: 0, seconds: 0 });
    const seconds = one.seconds ?? CASE_SECONDS;
    const timer = setTimeout(() => fail(`no answer in ${seconds} s`), seconds * 1000);
    child.on('message', give);
    child.on('exit', (code, signal) => fail(`the process ended, code ${code}, signal ${signal}`));
    child.send(one);
  });
}

function stop(child) {
  child?.kill('SIGKILL');
  return undefined;
}

function shortened(one) {
  const small = { small: 24, large: 3, every: 12, rounds: 6, replays: 10_000, steps: 60, distances: 3 };
  const shorter = Object.entries(one.options).map(([name, value]) => [name, small[name] ?? value]);
  return { ...one, options: Object.fromEntries(shorter) };
}

function summary(cases, seconds, note) {
  return `${cases} cases, ${seconds.toFixed(1)} s${note ? `; ${note}` : ''}`;
}

function report(what, name, detail) {
  counts[what]++;
  console.log(`${what.padEnd(8)}  ${name}${detail ? `: ${detail}` : ''}`);
}

/** Memory errors and races that the results do not show, in one short program. Node starts slowly under it, hence the bound. */
function sanitize() {
  const path = [
    '/usr/local/cuda/bin/compute-sanitizer',
    `${process.env.CUDA_HOME}/bin/compute-sanitizer`,
  ].find(existsSync);
  for (const tool of ['memcheck', 'racecheck']) {
    const name = `compute-sanitizer ${tool}`;
    if (options['no-sanitizer'] || options.engine !== 'cuda') report('skipped', name, 'not asked for');
    else if (!path) report('skipped', name, 'compute-sanitizer is not installed');
    else {
      const args = [
        '--tool',
        tool,
        // NCCL asks the driver for things that it knows may be refused.
        '--report-api-errors',
        'no',
        '--target-processes',
        'all',
        process.execPath,
        here('test/gpu/sanitize.mjs'),
      ];
      const { status, error, stdout, stderr } = spawnSync(path, args, {
        encoding: 'utf8',
        timeout: SANITIZER_SECONDS * 1000,
        killSignal: 'SIGKILL',
      });
      const lines = `${stdout}\n${stderr}`.trim().split('\n');
      const verdict = lines.find((line) => /(ERROR|RACECHECK) SUMMARY/.test(line)) ?? '';
      if (error?.code === 'ETIMEDOUT') report('skipped', name, `no end in ${SANITIZER_SECONDS} s`);
      else if (status === 0 && /SUMMARY: 0 /.test(verdict)) report('passed', name, verdict.trim());
      else {
        report('failed', name, verdict.trim() || `exit code ${status}`);
        for (const line of lines.slice(0, 25)) console.log(`          ${line}`);
      }
    }
  }
}

function end(line, code) {
  console.log(line);
  process.exit(code);
}

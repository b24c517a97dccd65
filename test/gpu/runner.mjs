/**
 * @file The process that runs cases of the GPU suite, one after the other as scripts/test-gpu.mjs sends them, and answers each with a list of
 * problems. It is a process of its own because a case may take everything with it.
 */
import { performance } from 'node:perf_hooks';
import { launch } from '../../dist/group/launch.js';
import { FAULT_SECONDS } from './suite.mjs';

/** Silence of a rank that ends the group; well below what a fault may take. */
const TIMEOUT_SECONDS = 4;

process.on('message', async (one) => {
  const start = performance.now();
  const result = await (one.kind === 'fault' ? runFault(one) : runProgram(one)).catch((error) => ({
    cases: 0,
    problems: [error.message],
  }));
  process.send({ ...result, seconds: (performance.now() - start) / 1000 });
});

/** `hosts` is set for one of several runners that play a host each. */
async function runProgram({ program, world, engine, options, processes, hosts }) {
  const url = new URL(`../${program}`, import.meta.url);
  const ranks = world / (hosts?.nodes ?? 1);
  const [{ cases, problems }] = await launch(url, { ranks, processes, hosts, data: { engine, options } });
  return { cases, problems: cases === 0 ? [...problems, 'no case was tried'] : problems };
}

/** The group has to end soon, with one error that says what happened, and the next group has to work. */
async function runFault({ program, world, engine, options, processes, says, orWorks }) {
  const url = new URL(`../${program}`, import.meta.url);
  const run = (how) =>
    launch(url, {
      ranks: world,
      processes,
      timeoutSeconds: TIMEOUT_SECONDS,
      data: { engine, options: { how } },
    });
  const problems = [];
  const expected = (world * (world + 1)) / 2;
  const start = performance.now();
  const outcome = await run(options.how).catch((error) => error);
  const seconds = (performance.now() - start) / 1000;
  const works = Array.isArray(outcome);
  if (works && !orWorks) problems.push('nobody noticed');
  if (works && outcome.some((sum) => sum !== expected)) problems.push(`sums are ${outcome}, not ${expected}`);
  if (!works && !new RegExp(says.source, says.flags).test(outcome.message)) {
    problems.push(`it says "${outcome.message}"; ${says.source} was expected`);
  }
  if (!works && outcome.message.includes('\n')) problems.push('the message has more than one line');
  if (seconds > FAULT_SECONDS)
    problems.push(`it took ${seconds.toFixed(1)} s, and may take ${FAULT_SECONDS}`);
  if (!orWorks) {
    const again = await run('nothing').catch((error) => error);
    if (!Array.isArray(again)) problems.push(`the next group failed: ${again.message}`);
    else if (again.some((sum) => sum !== expected)) problems.push(`the next group's sums are ${again}`);
  }
  return { cases: 1, problems, note: works ? 'works all the same' : outcome.message };
}

/**
 * @file What the benches share: their options, what they say about the host, their tables and files.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fingerprintHere } from '../dist/collective/engines.js';
import { median } from '../dist/measure/statistics.js';
import { formatTable } from '../dist/report/table.js';
import { VERSION } from '../dist/version.js';

/** Values of the command line's options; ends the process with a line of help when they are wrong. */
export function parseOptions(usage, options) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    fail(`${error.message}\nusage: ${usage}`);
  }
}

/** A number of at least `least`, from an option. */
export function numberOption(text, name, least) {
  const value = Number(text);
  if (!(value >= least)) fail(`${name} is "${text}"; use a number from ${least} up`);
  return value;
}

/** The same for what the package parses: its errors are for people already. */
export function orFail(body) {
  try {
    return body();
  } catch (error) {
    fail(error.message);
  }
}

export function fail(message) {
  console.error(message);
  process.exit(1);
}

/** What every file of results starts with. Warns when others use the machine: latencies are then theirs as well. */
export async function header(asked) {
  const { engine, host, kernels, device } = fingerprintHere(asked);
  const { cpu, cores, platform, arch } = host;
  const busyCores = await busy();
  if (busyCores > 0.1)
    console.error(`warning: others keep ${busyCores} of ${cores} cores busy; expect noise`);
  return {
    command: ['node', `bench/${process.argv[1].split('/').pop()}`, ...process.argv.slice(2)].join(' '),
    date: new Date().toISOString(),
    host: { cpu, cores, platform, arch, busyCores },
    ...(engine === 'cuda' ? { device } : {}),
    versions: { crossover: VERSION, engine, kernels, node: process.version },
  };
}

/** How many cores are in use while this process sleeps. */
async function busy() {
  const total = () =>
    cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const [start, before] = [performance.now(), total()];
  await sleep(1000);
  return Math.round(((total() - before) / (performance.now() - start)) * 100) / 100;
}

export function save(path, data) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(data, null, 1)}\n`);
  console.error(`wrote ${path}`);
}

export function printTable(heads, rows) {
  const columns = heads.map((head) =>
    head.startsWith('<') ? { head: head.slice(1), left: true } : { head },
  );
  console.log(formatTable(columns, rows));
}

/** Three significant digits, as many as a timing on a shared machine is worth. */
export function digits(value) {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** `one_shot chunk_bytes=65536`: what plans call a choice. */
export function nameOf({ algorithm, tunables }) {
  return [algorithm, ...Object.entries(tunables).map(([name, value]) => `${name}=${value}`)].join(' ');
}

/**
 * Rounds of timings as one list: medians over the rounds of medians and spreads, the fastest first. A round is a list of
 * `{ algorithm, tunables, us, spread }`.
 */
export function overRounds(rounds) {
  const byName = new Map();
  for (const timing of rounds.flat()) {
    const name = nameOf(timing);
    byName.set(name, [...(byName.get(name) ?? []), timing]);
  }
  return [...byName.values()]
    .map((timings) => ({
      algorithm: timings[0].algorithm,
      tunables: timings[0].tunables,
      us: round(median(timings.map((t) => t.us))),
      spread: round(median(timings.map((t) => t.spread))),
      rounds: timings.map((t) => round(t.us)),
    }))
    .sort((a, b) => a.us - b.us);
}

/** Nanoseconds are finer than any clock here. */
export function round(us) {
  return Math.round(us * 1e4) / 1e4;
}

/**
 * @file crossover on GPUs beside its peers: all on one host, one after the other, in one table. The peers that PyTorch offers are part of the
 * run; those of vLLM and FlashInfer are recorded figures, marked with r. See gpu-program.mjs for the protocol, gpu-targets.mjs for the targets.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { launch } from '../dist/group/launch.js';
import { formatSize, parseSize, sizeRange } from '../dist/units.js';
import { VERSION } from '../dist/version.js';
import {
  digits,
  fail,
  nameOf,
  numberOption,
  orFail,
  parseOptions,
  printTable,
  round,
  save,
} from './common.mjs';
import { allReduceBound, judge, summarize, targetOf } from './gpu-targets.mjs';

const USAGE =
  'node bench/gpu.mjs [--gpus 2,4] [--quick] [-b 1K] [-e 256M] [--operations all_reduce,...] [--no-peers] [--seconds 20] [-o results/4xh200]';
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const RECORDED = JSON.parse(readFileSync(here('peers/recorded-4xh200.json'), 'utf8'));
const OPERATIONS = ['all_reduce', 'all_gather', 'reduce_scatter', 'all_reduce_rms_norm'];
const MIB = 1 << 20;
/** Fused rows are for few tokens; the links decide above. */
const MOST_FUSED = 16 * MIB;

const options = parseOptions(USAGE, {
  gpus: { type: 'string', default: '2,4' },
  quick: { type: 'boolean', default: false },
  begin: { type: 'string', short: 'b', default: '1K' },
  end: { type: 'string', short: 'e', default: '256M' },
  operations: { type: 'string', default: OPERATIONS.join(',') },
  seconds: { type: 'string', default: '20' },
  'no-peers': { type: 'boolean', default: false },
  python: { type: 'string', default: 'python3' },
  engine: { type: 'string', default: 'cuda' },
  output: { type: 'string', short: 'o' },
});
const worlds = options.gpus.split(',').map((text) => numberOption(text, '--gpus', 2));
const begin = orFail(() => parseSize(options.begin, '-b'));
const end = orFail(() => parseSize(options.end, '-e'));
/** A quick run still has the sizes that targets name. */
const QUICK = ['8K', '64K', '256K', '1M', '4M', '16M', '64M'].map((text) => parseSize(text, 'size'));
const SIZES = options.quick
  ? QUICK.filter((bytes) => bytes >= begin && bytes <= end)
  : sizeRange(begin, end, 2);
const seconds = numberOption(options.seconds, '--seconds', 1) / (options.quick ? 3 : 1);
const operations = options.operations.split(',');
for (const name of operations) {
  if (!OPERATIONS.includes(name))
    fail(`--operations has "${name}"; use one or more of ${OPERATIONS.join(', ')}`);
}

const started = performance.now();
let complete = true;
for (const world of worlds) complete = (await runWorld(world)) && complete;
console.error(`${Math.round((performance.now() - started) / 1000)} s in all`);
if (!complete) process.exitCode = 1;

/** False when something that was wanted could not be timed. */
async function runWorld(world) {
  const ours = await runOurs(world);
  const failures = [...ours.failures];
  const hostCosts = await runHost(world, ours.rows, failures);
  const peers = options['no-peers'] ? { rows: [], notes: [] } : await runPeers(world);
  failures.push(...peers.notes.filter((line) => line.kind === 'failed').map(describeFailure));
  const linkGBs = linkRate(world, ours.rows);
  const rows = ours.rows.map((row) => compare(world, row, peers.rows, linkGBs));
  const few = fewBlocks(ours.rows);
  const summary = summarize(world, rows, few, linkGBs, hostCosts);
  const head = {
    command: ['node bench/gpu.mjs', ...process.argv.slice(2)].join(' '),
    date: new Date().toISOString(),
    gpus: world,
    fingerprint: ours.fingerprint,
    peers: peers.header,
    host: { cpu: cpus()[0]?.model, cores: cpus().length, platform: platform(), arch: arch() },
    versions: { crossover: VERSION, node: process.version },
    protocol:
      'bf16, sum; a graph of 40 (to 256 KiB), 20 (to 4 MiB) or 5 operations, replayed for 1.5 ms a sample; 15 samples, slowest rank, median, us',
    recorded: `r: ${RECORDED.host}; ${RECORDED.about}`,
    linkGBs: linkGBs && round(linkGBs),
  };
  print(world, head, rows, summary, failures);
  if (options.output) {
    save(`${options.output}/bench-${world}-gpus.json`, { ...head, failures, summary, hostCosts, few, rows });
  }
  return failures.length === 0;
}

/** A launch an operation: when one fails, it says why, and the others are timed all the same. */
async function runOurs(world) {
  const result = { rows: [], failures: [], fingerprint: undefined };
  for (const operation of operations) {
    console.error(`${world} GPUs: ${operation}`);
    const data = { engine: options.engine, points: pointsOf(operation), seconds };
    try {
      const [own] = await launch(here('gpu-program.mjs'), { ranks: world, data });
      result.rows.push(...own.rows);
      result.fingerprint = own.fingerprint;
      if (own.skipped > 0)
        result.failures.push(`${operation}: no time for ${own.skipped} of ${data.points.length} sizes`);
    } catch (error) {
      result.failures.push(`${operation}: ${error.message}`);
    }
  }
  return result;
}

function pointsOf(operation) {
  if (operation !== 'all_reduce_rms_norm') return SIZES.map((bytes) => ({ operation, bytes }));
  const rows = (hidden, quantization) =>
    SIZES.filter((bytes) => bytes >= 2 * hidden && bytes <= MOST_FUSED).map((bytes) => {
      return { operation, bytes, hidden, quantization };
    });
  return [...rows(4096, 'none'), ...rows(8192, 'none'), ...rows(4096, 'f8e4m3_static')];
}

async function runHost(world, rows, failures) {
  const row = rows.find(({ operation, bytes }) => operation === 'all_reduce' && bytes === 8192);
  const algorithm = row?.algorithms.find((one) => !isNccl(one) && !one.lossy);
  if (!algorithm) return undefined;
  const data = { engine: options.engine, algorithm };
  try {
    return (await launch(here('gpu-host-program.mjs'), { ranks: world, data }))[0];
  } catch (error) {
    failures.push(`host costs: ${error.message}`);
    return undefined;
  }
}

/** The peers' JSON lines. They end by themselves; what they do not survive is a line, too. */
async function runPeers(world) {
  console.error(`${world} GPUs: peers`);
  const wanted = operations.filter((name) => name !== 'all_reduce_rms_norm');
  if (wanted.length === 0) return { rows: [], notes: [] };
  const args = [here('peers/torch_peers.py'), '--world', world, '--sizes', SIZES.join(',')];
  const child = spawn(
    options.python,
    [...args, '--operations', wanted.join(','), '--seconds', '45'].map(String),
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-2000);
  });
  const lines = [];
  child.on('error', ({ message }) => lines.push({ kind: 'failed', peer: 'all', reason: message }));
  const closed = new Promise((resolve) => child.on('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    // Libraries print to stdout as well.
    if (line.startsWith('{')) lines.push(JSON.parse(line));
  }
  const code = await closed;
  if (code !== 0)
    lines.push({ kind: 'failed', peer: 'all', reason: `exit code ${code}; ${lastLine(errors)}` });
  return {
    header: lines.find(({ kind }) => kind === 'header'),
    rows: lines.filter(({ kind }) => kind === 'row'),
    notes: lines.filter(({ kind }) => kind === 'failed' || kind === 'note' || kind === 'how'),
  };
}

function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? '';
}

function describeFailure({ peer, operation = '', bytes, reason }) {
  return `peer ${peer} ${operation} ${bytes === undefined ? '' : formatSize(bytes)}: ${reason}`.replace(
    / +/g,
    ' ',
  );
}

function isNccl({ algorithm }) {
  return algorithm.startsWith('nccl');
}

/** GB/s out of each GPU while all send to all: what the best large all-gather reaches, ours or NCCL's. */
function linkRate(world, rows) {
  const large = rows.filter(({ operation, bytes }) => operation === 'all_gather' && bytes >= 16 * MIB);
  const rates = large.flatMap(({ bytes, algorithms }) =>
    algorithms.map(({ us }) => (((world - 1) / world) * bytes) / us / 1e3),
  );
  return rates.length === 0 ? undefined : Math.max(...rates);
}

function compare(world, { algorithms, rough, few, refused, ...point }, peerRows, linkGBs) {
  const { operation, bytes } = point;
  // What rounds values on the way is no like for like; the file has its times.
  const best = algorithms.find((one) => !isNccl(one) && !one.lossy);
  const own = algorithms.filter(isNccl).map(({ algorithm, us }) => ({ peer: `our ${algorithm}`, us }));
  const theirs = peerRows.filter((row) => row.operation === operation && row.bytes === bytes);
  const recorded = recordedPeers(world, point);
  const peers = [...theirs.map(({ peer, us }) => ({ peer, us })), ...own, ...recorded].sort(
    (a, b) => a.us - b.us,
  );
  const fastest = peers[0];
  const measured = peers.find((one) => !one.recorded);
  const target = targetOf(world, point, linkGBs);
  const row = {
    ...point,
    us: best?.us,
    spread: best?.spread,
    algorithm: best?.algorithm,
    tunables: best?.tunables,
    bestPeer: fastest,
    ratio: best && fastest && round(best.us / fastest.us),
    ratioInRun: best && measured && round(best.us / measured.us),
    boundUs: operation === 'all_reduce' && linkGBs ? round(allReduceBound(world, bytes, linkGBs)) : undefined,
    target,
    peers,
    algorithms,
    rough,
    refused,
  };
  return { ...row, met: best ? judge(row) : false };
}

function recordedPeers(world, point) {
  const { bytes } = point;
  const name = titleOf(point);
  return Object.entries(RECORDED[name]?.[world] ?? {}).flatMap(([peer, bySize]) => {
    const size = bytes >= MIB ? `${bytes / MIB}M` : `${bytes / 1024}K`;
    return bySize[size] === undefined ? [] : [{ peer, us: bySize[size], recorded: true }];
  });
}

/** The largest message of each operation that has settings with few blocks. */
function fewBlocks(rows) {
  return OPERATIONS.slice(0, 3).flatMap((operation) => {
    const row = rows.findLast((one) => one.operation === operation && one.few && one.bytes >= 16 * MIB);
    return row ? [{ operation, bytes: row.bytes, ...row.few }] : [];
  });
}

function print(world, head, rows, summary, failures) {
  const device =
    head.peers?.device ?? head.fingerprint?.device?.name ?? head.fingerprint?.engine ?? 'unknown';
  console.log(`\n# crossover ${VERSION}, ${world} x ${device}, ${head.date}; us an operation`);
  console.log(`# ${head.protocol}`);
  if (head.peers)
    console.log(`# torch ${head.peers.torch}, NCCL ${head.peers.nccl}, driver ${head.peers.driver}`);
  console.log(`# r: recorded, not part of this run: ${RECORDED.host}`);
  if (head.linkGBs)
    console.log(`# links: ${head.linkGBs} GB/s out of each GPU, by the best large all-gather`);
  const names = [...new Set(rows.flatMap(({ peers }) => peers.map((one) => one.peer)))];
  const tables = [...new Set(rows.map(titleOf))];
  for (const title of tables) {
    const own = rows.filter((row) => titleOf(row) === title);
    const shown = names.filter((name) => own.some(({ peers }) => peers.some(({ peer }) => peer === name)));
    console.log(`\n${title}`);
    printTable(
      ['size', 'ours', '<algorithm', ...shown, '<best peer', 'ratio', 'bound', 'target', '<'],
      own.map((row) => [
        formatSize(row.bytes),
        row.us === undefined ? '-' : digits(row.us),
        row.algorithm ? nameOf(row) : '-',
        ...shown.map((name) => peerCell(row.peers.find(({ peer }) => peer === name))),
        row.bestPeer?.peer ?? '-',
        row.ratio?.toFixed(2) ?? '-',
        row.boundUs === undefined ? '' : digits(row.boundUs),
        [row.target.ratio?.toFixed(2), row.target.us && `${digits(row.target.us)} us`]
          .filter(Boolean)
          .join(', '),
        row.met === undefined ? '' : row.met ? 'met' : 'MISSED',
      ]),
    );
  }
  if (summary.length > 0) console.log('');
  for (const [what, value, target, met] of summary) {
    console.log(`${met ? 'met   ' : 'MISSED'}  ${what}: ${digits(value)}, target ${target}`);
  }
  const judged = rows.filter(({ met }) => met !== undefined);
  console.log(`${judged.filter(({ met }) => met).length} of ${judged.length} rows met`);
  for (const line of failures) console.log(`not timed: ${line}`);
}

function titleOf({ operation, hidden, quantization }) {
  return hidden ? `${operation}, hidden ${hidden}, output ${quantization}` : operation;
}

function peerCell(peer) {
  return peer ? `${digits(peer.us)}${peer.recorded ? 'r' : ' '}` : '- ';
}

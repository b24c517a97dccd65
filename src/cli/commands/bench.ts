/**
 * @file `crossover bench`: times the algorithms of one operation over sizes, in the columns of nccl-tests.
 */
import { Command, Option } from 'commander';
import type { BenchRow } from '../../bench/program.ts';
import { arenaOf, type BenchRequest } from '../../bench/request.ts';
import { algorithmNamed, parseOperation } from '../../collective/catalog.ts';
import { type EngineName, fingerprintHere, LIMITS } from '../../collective/engines.ts';
import { CrossoverError } from '../../errors.ts';
import { launch } from '../../group/launch.ts';
import { rankCount } from '../../group/wording.ts';
import { MODES, OPERATIONS, type Operation, QUANTIZATIONS, REDUCE_OPS } from '../../operations.ts';
import { type BenchTitle, formatAlgorithm, formatSideBySide } from '../../report/bench-tables.ts';
import { bold } from '../../report/table.ts';
import { compareWithPeers, formatVersus } from '../../report/versus-tables.ts';
import { isReducible, parseDType } from '../../tensor/dtype.ts';
import { sizeRange } from '../../units.ts';
import { VERSION } from '../../version.ts';
import {
  hardwareOf,
  parseAbove,
  parseBytes,
  parseName,
  parseWhole,
  refuseRows,
  UsageError,
  usage,
} from '../options.ts';
import { addRankOptions, checkArena, type RankOptions, ranksOption } from '../rank-options.ts';

interface Options extends RankOptions {
  begin: string;
  end: string;
  factor: string;
  algorithm?: string;
  vs?: string;
  tuned?: boolean;
  dtype: string;
  op: string;
  mode: string;
  hidden?: string;
  quantization?: string;
  seconds: string;
  arena?: string;
  json?: boolean;
}

const HELP = `
Examples:
  $ crossover bench all_reduce -b 1K -e 64M -f 2 --ranks 2
  $ crossover bench all_reduce --algorithm one_shot,two_shot --dtype f32 --op max
  $ crossover bench all_reduce --vs nccl,nccl-symmetric --tuned
  $ crossover bench all_reduce_rms_norm --hidden 4096 -b 8K -e 4M

Exit code 1 when a result is wrong.
`;

/** Of the fused operation, where nobody says; other operations refuse one, so that it is no default that they would have, too. */
const HIDDEN = '4096';

export function benchCommand(): Command {
  return addRankOptions(
    new Command('bench')
      .description('time the algorithms of one operation, in the columns of nccl-tests')
      .argument('<operation>', OPERATIONS.join(', '))
      .option('-b, --begin <size>', 'smallest message', '1K')
      .option('-e, --end <size>', 'largest message', '16M')
      .option('-f, --factor <x>', 'from one size to the next', '2'),
  )
    .option('--algorithm <names>', 'comma-separated; all by default')
    .option('--vs <names>', 'algorithms to compare all others with, such as nccl,nccl-symmetric')
    .option('--tuned', 'time every setting of an algorithm, and keep the fastest (the first by default)')
    .option('--dtype <name>', 'f32, f16, bf16; for all_gather and broadcast f8e4m3 and i8, too', 'bf16')
    .option('--op <name>', REDUCE_OPS.join(', '), 'sum')
    .option('--mode <name>', 'eager: call by call; replay: recorded', 'replay')
    .addOption(new Option('--hidden <n>', 'hidden size of the fused operation').default(undefined, HIDDEN))
    .addOption(
      new Option(
        '--quantization <name>',
        `output of the fused operation: ${QUANTIZATIONS.join(', ')}`,
      ).default(undefined, 'none'),
    )
    .option('--seconds <s>', 'time for measuring', '20')
    .option('--arena <size>', 'symmetric heap of a rank (what the largest message needs)')
    .option('--json', 'print data instead of text')
    .addHelpText('after', HELP)
    .action(run);
}

async function run(name: string, options: Options): Promise<void> {
  const { ranks, device, processes } = ranksOption(options);
  const request = requestOf(name, options, device);
  const { key, op, peers } = request;
  checkArena(options, arenaOf(request, ranks), { ranks, device });
  const rows = (
    await launch<BenchRow[]>(new URL('../../bench/program.js', import.meta.url), {
      ranks,
      processes,
      data: request,
    })
  )[0]!;
  const moves = key.operation === 'all_gather' || key.operation === 'broadcast';
  const title: BenchTitle = {
    operation: key.operation,
    dtype: key.dtype,
    redop: moves ? 'none' : op,
    worldSize: ranks,
  };
  const { host, engine, device: hardware } = fingerprintHere(device);
  if (options.json) {
    const data = {
      crossover: VERSION,
      date: new Date().toISOString(),
      engine,
      host,
      device: hardware,
      ...title,
      mode: key.mode,
      ...(key.hidden === undefined ? {} : { hidden: key.hidden, quantization: key.quantization }),
      rows,
      ...(peers.length > 0 ? { peers, versus: compareWithPeers(rows, peers) } : {}),
    };
    process.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
  } else {
    const algorithms = [...new Set(rows.map((row) => row.algorithm))];
    const blocks = algorithms.map((algorithm) => {
      const own = rows.filter((row) => row.algorithm === algorithm);
      const table = `${bold(algorithm)}\n${formatAlgorithm(title, own)}`;
      if (!algorithmNamed(key.operation, algorithm).lossy) return table;
      const most = Math.max(...own.map((row) => row.relativeError));
      return `${table}\nrounds values on the way: off by ${(100 * most).toPrecision(2)} % of the exact results, on average`;
    });
    process.stdout.write(
      `# crossover ${VERSION}: ${key.operation}, ${rankCount(ranks)}, ${key.mode}, ${engine} engine on ${hardwareOf(host, hardware)}\n` +
        `# time: median of the slowest rank; spread: half of its 95 % confidence interval; buffers rotated\n\n` +
        `${blocks.join('\n\n')}\n\n${bold('side by side')}\n${formatSideBySide(rows)}\n`,
    );
    if (peers.length > 0) {
      process.stdout.write(`\n${bold(`against ${peers.join(', ')}`)}\n${formatVersus(rows, peers)}\n`);
    }
  }
  const wrong = rows.filter((row) => row.wrong > 0);
  if (wrong.length > 0) {
    throw new CrossoverError(
      `${wrong.length} of ${rows.length} rows have wrong elements, the first ${wrong[0]!.algorithm} at ${wrong[0]!.bytes} bytes`,
    );
  }
}

function requestOf(name: string, options: Options, engine: EngineName): BenchRequest {
  const operation = usage(() => parseOperation(name));
  const dtype = usage(() => parseDType(options.dtype, '--dtype'));
  const moves = operation === 'all_gather' || operation === 'broadcast';
  if (!moves && !isReducible(dtype))
    throw new UsageError(`--dtype ${dtype} is not reduced; use f32, f16 or bf16`);
  if (dtype === 'e2m1x2') throw new UsageError('--dtype e2m1x2 is not timed: bytes move as i8 does; use i8');
  const fused = operation === 'all_reduce_rms_norm';
  const op = parseName(options.op, '--op', REDUCE_OPS);
  if (fused && op !== 'sum') throw new UsageError(`--op ${op} is not for ${operation}; it sums`);
  if (moves && op !== 'sum')
    throw new UsageError(`--op ${op} is not for ${operation}, which reduces nothing; leave it out`);
  const hidden = parseWhole(options.hidden ?? HIDDEN, '--hidden', 1, LIMITS[engine].hidden);
  const quantization = parseName(options.quantization ?? 'none', '--quantization', QUANTIZATIONS);
  refuseRows(operation, options);
  if (fused && quantization === 'nvfp4' && hidden % 16 !== 0) {
    throw new UsageError(`--hidden is ${hidden}; --quantization nvfp4 needs a multiple of 16`);
  }
  const algorithms =
    options.algorithm === undefined ? undefined : namesOf(operation, options.algorithm, '--algorithm');
  const peers = options.vs === undefined ? [] : namesOf(operation, options.vs, '--vs');
  return {
    key: {
      operation,
      dtype,
      mode: parseName(options.mode, '--mode', MODES),
      ...(fused ? { hidden, quantization } : {}),
      registered: true,
    },
    op,
    sizes: usage(() =>
      sizeRange(
        parseBytes(options.begin, '-b'),
        parseBytes(options.end, '-e'),
        parseAbove(options.factor, '-f', 1),
      ),
    ),
    algorithms,
    peers,
    tuned: options.tuned === true,
    seconds: parseAbove(options.seconds, '--seconds', 0),
    engine,
    arenaBytes: options.arena === undefined ? undefined : parseBytes(options.arena, '--arena'),
    progress: process.stderr.isTTY === true,
  };
}

/** A comma-separated list of the operation's algorithms; `nccl-symmetric` is `nccl_symmetric`, as people write both. */
function namesOf(operation: Operation, text: string, option: string): string[] {
  const names = text.split(',').map((name) => name.trim().replaceAll('-', '_'));
  for (const name of names) usage(() => algorithmNamed(operation, name), { algorithm: option });
  return [...new Set(names)];
}

/**
 * @file `crossover simulate`: predicted time of each algorithm on a described host, and, with measurements, how far off
 * the predictions are and why the measured algorithms differ. Runs no collective and needs no device.
 */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { CrossoverError } from '../../errors.ts';
import { peerMatrices, readP2P } from '../../interop/read/p2p.ts';
import { readVllmCustomAllReduce } from '../../interop/read/vllm-custom-all-reduce.ts';
import { findAlgorithm, SIMULATED_OPERATIONS, standardAlgorithms } from '../../simulate/algorithms/index.ts';
import { PARAMETERS, type Parameter } from '../../simulate/fit.ts';
import { fromP2P } from '../../simulate/from-p2p.ts';
import { type Measurement, parseMeasurements } from '../../simulate/measurement.ts';
import { PRESETS, preset } from '../../simulate/presets.ts';
import { render } from '../../simulate/render.ts';
import { simulate } from '../../simulate/run.ts';
import { checkTopology, firstRanks, nvlinkAllToAll, type Topology } from '../../simulate/topology.ts';
import { parseTopology } from '../../simulate/topology-file.ts';
import { sizeRange } from '../../units.ts';
import { refuseIgnored } from '../ignored.ts';
import { parseBytes, UsageError, usage } from '../options.ts';

interface Options {
  p2p?: string;
  topology?: string;
  nvlink?: string;
  preset?: string;
  bandwidth: string;
  latency?: string;
  launch?: string;
  readEfficiency?: string;
  writeEfficiency?: string;
  ranks?: string;
  operation: (typeof SIMULATED_OPERATIONS)[number];
  algorithms?: string;
  begin?: string;
  end?: string;
  factor: string;
  measured?: string;
  fit: 'latency' | 'all' | 'none';
  fitBelow?: string;
  json?: boolean;
}

/** Latency-bound sizes, where the fit of latencies looks: well below any size at which bytes decide. */
const LATENCY_BELOW = '16K';

const HELP = `
Examples:
  A published case: 4x RTX 4090, from its P2P matrix, compared with vLLM's kernel and NCCL
    $ crossover simulate --p2p p2pBandwidthLatencyTest.txt --measured custom_all_reduce_test.txt
  A host that is not here
    $ crossover simulate --nvlink 8 --bandwidth 450 -b 8K -e 64M -f 4
  A described host, as data
    $ crossover simulate --topology host.json --json

Presets:
${Object.entries(PRESETS)
  .map(([name, { summary }]) => `  ${name.padEnd(18)}${summary}`)
  .join('\n')}
`;

/** The command, to be added to the program. Bad input is thrown as CrossoverError. */
export function simulateCommand(): Command {
  return new Command('simulate')
    .description('predict the time of each algorithm on a described host')
    .optionsGroup('Host (one of):')
    .option('--p2p <file>', 'output of p2pBandwidthLatencyTest')
    .option('--topology <file>', 'topology as JSON: nodes, links, ranks')
    .option('--nvlink <n>', 'n devices on NVLink switches, with --bandwidth and --latency')
    .option('--preset <name>', 'a host by name, see below')
    .optionsGroup('Its parameters:')
    .option('--bandwidth <GB/s>', 'of each device each way, with --nvlink', '450')
    .option('--latency <us>', 'one way between devices, with --nvlink or --p2p')
    .option('--launch <us>', 'of an operation without communication')
    .option('--read-efficiency <share>', 'share of the link that reads by kernels reach')
    .option('--write-efficiency <share>', 'share of the link that writes by kernels reach')
    .option('--ranks <n>', 'use the first n devices only')
    .optionsGroup('What:')
    .addOption(
      new Option('--operation <name>', 'collective').choices(SIMULATED_OPERATIONS).default('all_reduce'),
    )
    .option('--algorithms <names>', 'comma-separated, variants included')
    .option('-b, --begin <size>', 'first size (1K; sizes of --measured when -b and -e are absent)')
    .option('-e, --end <size>', 'last size (16M)')
    .option('-f, --factor <x>', 'from one size to the next', '2')
    .optionsGroup('Measurements:')
    .option('--measured <file>', "log of vLLM's custom_all_reduce_test, or JSON [{algorithm, bytes, us}]")
    .addOption(
      new Option(
        '--fit <what>',
        'latency: launch and latency to small sizes; all: efficiencies as well, to all sizes',
      )
        .choices(['latency', 'all', 'none'])
        .default('latency'),
    )
    .option('--fit-below <size>', `fit to sizes below this (${LATENCY_BELOW} for latency)`)
    .option('--json', 'print data instead of text')
    .addHelpText('after', HELP)
    .action((options: Options, command: Command) => {
      refuseIgnoredOf(options, command);
      const measurements = readMeasured(options);
      const ranged = options.begin !== undefined || options.end !== undefined || measurements.length === 0;
      const simulation = simulate(readTopology(options), {
        operation: options.operation,
        algorithms:
          options.algorithms === undefined
            ? standardAlgorithms(options.operation)
            : options.algorithms
                .split(',')
                .map((name) =>
                  usage(() => findAlgorithm(options.operation, name.trim()), { algorithm: '--algorithms' }),
                ),
        sizes: ranged
          ? usage(() =>
              sizeRange(
                parseBytes(options.begin ?? '1K', '-b'),
                parseBytes(options.end ?? '16M', '-e'),
                number(options.factor, '-f'),
              ),
            )
          : [],
        measurements,
        free: freeParameters(options.fit),
        below: fitBelow(options),
      });
      process.stdout.write(
        options.json === true ? `${JSON.stringify(simulation, null, 2)}\n` : render(simulation),
      );
    });
}

function refuseIgnoredOf({ nvlink, p2p, measured, fit, begin, end }: Options, command: Command): void {
  if (nvlink === undefined) refuseIgnored(command, ['--bandwidth'], 'it is of --nvlink');
  if (nvlink === undefined && p2p === undefined)
    refuseIgnored(command, ['--latency'], 'it is of --nvlink and --p2p');
  if (measured === undefined)
    refuseIgnored(command, ['--fit', '--fit-below'], 'without --measured there is nothing to fit to');
  else if (begin === undefined && end === undefined)
    refuseIgnored(command, ['--factor'], 'without -b and -e sizes are those of --measured');
  if (fit === 'none') refuseIgnored(command, ['--fit-below'], '--fit none fits nothing');
}

function readTopology(options: Options): Topology {
  const sources = [options.p2p, options.topology, options.nvlink, options.preset].filter(
    (s) => s !== undefined,
  );
  if (sources.length !== 1) {
    throw new UsageError(`${sources.length} hosts given; use one of --p2p, --topology, --nvlink, --preset`);
  }
  const latency = options.latency === undefined ? undefined : number(options.latency, '--latency');
  let topology: Topology;
  if (options.p2p !== undefined) {
    topology = readBy(options.p2p, '--p2p', (text) => {
      const log = readP2P(text);
      return fromP2P(peerMatrices(log), { latency, name: log.devices[0]?.name });
    });
  } else if (options.topology !== undefined) {
    topology = readBy(options.topology, '--topology', parseTopology);
  } else if (options.nvlink !== undefined) {
    const ranks = number(options.nvlink, '--nvlink');
    const bandwidth = number(options.bandwidth, '--bandwidth');
    topology = usage(() => nvlinkAllToAll({ ranks, bandwidth, latency: latency ?? 1 }), {
      ranks: '--nvlink',
      ...{ 'links[0].bandwidth': '--bandwidth', 'links[0].latency': '--latency' },
    });
  } else {
    topology = usage(() => preset(options.preset!), { preset: '--preset' });
  }
  if (options.ranks !== undefined) {
    const ranks = number(options.ranks, '--ranks');
    topology = usage(() => firstRanks(topology, ranks), { ranks: '--ranks' });
  }
  const { launch, readEfficiency, writeEfficiency } = options;
  const { efficiency } = topology;
  const changed: Topology = {
    ...topology,
    launch: launch === undefined ? topology.launch : number(launch, '--launch'),
    efficiency: {
      read: readEfficiency === undefined ? efficiency.read : number(readEfficiency, '--read-efficiency'),
      write: writeEfficiency === undefined ? efficiency.write : number(writeEfficiency, '--write-efficiency'),
    },
  };
  // What was read from a file has been checked by now: what is wrong here came from options.
  return usage(() => checkTopology(changed), {
    launch: '--launch',
    ...{ 'efficiency.read': '--read-efficiency', 'efficiency.write': '--write-efficiency' },
  });
}

/** A log has no braces and JSON starts with one, so nobody has to say which it is. */
function readMeasured({ measured, operation }: Options): Measurement[] {
  if (measured === undefined) return [];
  return readBy(measured, '--measured', (text) => {
    if (/^\s*[[{]/.test(text)) return parseMeasurements(text);
    const rows = readVllmCustomAllReduce(text);
    if (operation !== 'all_reduce') {
      throw new UsageError(`--measured ${measured} is a log of all-reduce; use --operation all_reduce`);
    }
    return rows.flatMap(({ bytes, vllm, nccl }) => [
      { algorithm: 'two_shot', bytes, us: vllm },
      { algorithm: 'ring', bytes, us: nccl },
    ]);
  });
}

function freeParameters(fit: Options['fit']): readonly Parameter[] {
  if (fit === 'none') return [];
  return fit === 'all' ? PARAMETERS : ['launch', 'latency'];
}

function fitBelow({ fit, fitBelow }: Options): number | undefined {
  if (fitBelow !== undefined) return parseBytes(fitBelow, '--fit-below');
  return fit === 'latency' ? parseBytes(LATENCY_BELOW, '--fit-below') : undefined;
}

/** What a file says. Errors name the option and the file. */
function readBy<T>(path: string, option: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (!(error instanceof CrossoverError || (error instanceof Error && 'syscall' in error))) throw error;
    throw new CrossoverError(`${option} ${path}: ${error.message}`);
  }
}

function number(text: string, option: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new UsageError(`${option} "${text}" is no number of 0 or more`);
  return value;
}

/**
 * @file `crossover fuse`: which all-reduces of a model's graph can be fused, for how many tokens that pays by the plan, and the rewritten graphs.
 */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { isStream } from '../../files/destination.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { importGraph } from '../../graph/import/import.ts';
import type { Graph } from '../../graph/ir/graph.ts';
import { graphToJson } from '../../graph/ir/json.ts';
import { printGraph } from '../../graph/ir/print.ts';
import { type Optimized, optimize } from '../../graph/optimize.ts';
import { formOf } from '../../graph/passes/sites.ts';
import { MODES } from '../../operations.ts';
import { defaultPlanPath, loadPlan } from '../../plan/file.ts';
import type { Plan } from '../../plan/plan.ts';
import { formatFusion } from '../../report/fusion-tables.ts';
import { formatPlacement } from '../../report/placement-tables.ts';
import { refuseIgnored } from '../ignored.ts';
import {
  checkOutput,
  parseAbove,
  parseName,
  parseWhole,
  parseWholes,
  UsageError,
  usageOf,
} from '../options.ts';

interface Options {
  plan?: string;
  ranks?: string;
  mode: string;
  group?: string;
  fusionCapMb?: string;
  tokens: string;
  output?: string;
  graph?: boolean;
  buffers?: boolean;
  maxTokens?: string;
  json?: boolean;
}

const MIB = 1 << 20;

const HELP = `
Reads torch.export archives (.pt2) and their model.json, ONNX, and the graphs it writes. Without a plan it says what could be fused and fuses nothing.

Examples:
  What can be fused, and for how many tokens it pays
    $ crossover tune --ranks 4 --operations all_reduce,all_reduce_rms_norm --hidden 4096 --mode replay
    $ crossover fuse model.pt2 --ranks 4
  What a cap of 2 MiB would cost against what was measured
    $ crossover fuse model.pt2 --ranks 4 --fusion-cap-mb 2
`;

export function fuseCommand(): Command {
  return new Command('fuse')
    .description("find a model graph's all-reduces that can be fused, decide by the plan, write the result")
    .argument('<file>', 'a .pt2 archive, its model.json, an ONNX file, or a graph that this wrote')
    .option('--plan <file>', 'the plan to decide by ($CROSSOVER_PLAN, or crossover-plan.json)')
    .option('--ranks <n>', "ranks of the tensor-parallel group (the plan's, if it has one world size)")
    .option('--mode <name>', `how the graph will run: ${MODES.join(' or ')}`, 'replay')
    .option('--group <name>', 'the tensor-parallel group as the file names it (the one of most all-reduces)')
    .option('--fusion-cap-mb <n>', 'fuse messages up to so many MiB, or "inf", whatever the plan says')
    .option('--tokens <counts>', 'token counts to show savings at, comma-separated', '1,16,128')
    .option(
      '-o, --output <file>',
      'where graphs go, as JSON; a file a token range (none are written without)',
    )
    .option('--graph', 'print the rewritten graphs')
    .option('--buffers', 'print where the buffers of collectives lie in the symmetric heap')
    .option('--max-tokens <n>', "largest count of the graph's tokens, where the file has no bound")
    .option('--json', 'print data instead of text')
    .addHelpText('after', HELP)
    .action(run);
}

async function run(file: string, options: Options, command: Command): Promise<void> {
  const mode = parseName(options.mode, '--mode', MODES);
  const tokens = parseWholes(options.tokens, '--tokens', 1, 1 << 30);
  const worldSize = options.ranks === undefined ? undefined : parseWhole(options.ranks, '--ranks', 1, 1024);
  const fusionCapBytes = capOf(options.fusionCapMb);
  if (options.json)
    refuseIgnored(command, ['--tokens', '--graph', '--buffers', '--max-tokens'], '--json prints no tables');
  else if (!options.buffers) refuseIgnored(command, ['--max-tokens'], 'only --buffers shows what it changes');
  if (options.output !== undefined) checkFiles(options.output);
  const plan = planOf(options.plan);
  if (plan === undefined) refuseIgnored(command, ['--mode'], 'there is no plan that tells modes apart');
  const graph = await importGraph(file);
  const symbols = boundsOf(graph, options.maxTokens);
  refuseGroup(graph, options.group);
  const optimized = usageOf({ worldSize: '--ranks', group: '--group', symbols: '--max-tokens' }, () =>
    optimize(graph, { plan, worldSize, mode, group: options.group, fusionCapBytes, place: { symbols } }),
  );
  if (options.buffers && optimized.worldSize === undefined)
    throw new UsageError('--buffers needs the number of ranks: --ranks, or a plan');
  const written = options.output === undefined ? [] : write(options.output, optimized);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(report(file, optimized, written), null, 2)}\n`);
    return;
  }
  console.log(formatFusion(optimized, tokens));
  if (options.buffers) printBuffers(optimized);
  if (options.graph) for (const variant of optimized.variants) console.log(`\n${printGraph(variant.graph)}`);
  if (written.length > 0) console.log(`\nwritten: ${written.join(', ')}`);
}

function capOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  return text === '0' ? 0 : parseAbove(text, '--fusion-cap-mb', 0) * MIB;
}

/** The bound that every symbol without one gets. */
function boundsOf({ symbols }: Graph, maxTokens: string | undefined): Map<string, number> {
  if (maxTokens === undefined) return new Map();
  const bound = parseWhole(maxTokens, '--max-tokens', 1, 1 << 30);
  const unbound = [...symbols].filter(([, { max }]) => max > bound);
  if (unbound.length === 0)
    throw new UsageError(
      `--max-tokens is "${maxTokens}", and no size of the graph could be larger; leave it out`,
    );
  return new Map(unbound.map(([name]) => [name, bound]));
}

/** Refuses a group that no all-reduce is of. */
function refuseGroup({ nodes }: Graph, group: string | undefined): void {
  if (group === undefined) return;
  const groups = nodes.flatMap(({ op, operands }) => (op === 'all_reduce' ? [String(operands.group)] : []));
  if (groups.includes(group)) return;
  const there = [...new Set(groups)].map((name) => `"${name}"`).join(', ');
  throw new UsageError(`--group is "${group}", and the graph's all-reduces are of ${there || 'none'}`);
}

function printBuffers({ variants }: Optimized): void {
  for (const { from, to, placement } of variants) {
    if (variants.length > 1)
      console.log(`\nfrom ${from}${to === Number.POSITIVE_INFINITY ? ' on' : ` to ${to - 1}`}`);
    if (placement)
      console.log(`${variants.length > 1 ? '' : '\n'}${asTypedHere(formatPlacement(placement))}`);
  }
}

/** Reasons name the option of the API. */
function asTypedHere(text: string): string {
  return text.replaceAll('(option symbols)', '(--max-tokens)');
}

/** The named plan, or the one that is there. A graph may be looked at with a plan of another host. */
function planOf(path: string | undefined): Plan | undefined {
  const found = path ?? defaultPlanPath();
  return path === undefined && !existsSync(found) ? undefined : loadPlan(found, { force: true });
}

/** Of one file at least: how many there are is known only when the graph is. */
function checkFiles(output: string): void {
  checkOutput(output, '--output');
  if (!isStream(output)) checkOutput(`${stemOf(output)}.json`, '--output');
}

function stemOf(output: string): string {
  return output.replace(/\.json$/, '');
}

/** One file a variant: `out.json`, or `out.1-87.json` and `out.88-.json`. A pipe or device gets all of them, one behind the other. */
function write(output: string, { variants }: Optimized): string[] {
  const texts = variants.map(({ graph }) => `${JSON.stringify(graphToJson(graph), null, 1)}\n`);
  if (isStream(output)) {
    writeWhole(output, texts.join(''));
    return [output];
  }
  const stem = stemOf(output);
  return variants.map(({ from, to }, i) => {
    const last = to === Number.POSITIVE_INFINITY ? '' : to - 1;
    const path = variants.length === 1 ? `${stem}.json` : `${stem}.${from}-${last}.json`;
    writeWhole(path, texts[i]!);
    return path;
  });
}

/** The same as data. Infinity, which JSON lacks, is null. */
function report(
  file: string,
  { group, axis, decisions, misses, variants }: Optimized,
  written: readonly string[],
): object {
  const bound = (to: number): number | null => (Number.isFinite(to) ? to : null);
  return {
    file,
    group,
    axis,
    sites: decisions.map(({ site, ranges, measured, unmeasured }) => ({
      origin: site.allReduce.origin,
      allReduce: site.allReduce.outputs[0]!.name,
      form: formOf(site),
      hidden: site.hidden,
      ranges: ranges.map((range) => ({ ...range, to: bound(range.to) })),
      measured,
      unmeasured,
      notes: site.notes,
    })),
    misses: misses.map(({ allReduce, reason }) => ({
      origin: allReduce.origin,
      allReduce: allReduce.outputs[0]!.name,
      reason,
    })),
    variants: variants.map(({ from, to, fused }) => ({
      from,
      to: bound(to),
      fused: fused.map(({ allReduce }) => allReduce.outputs[0]!.name),
    })),
    written,
  };
}

/**
 * @file The best settings for a serving engine as lines for a shell, each with what it gains; and, as comments, what the engine has no setting for.
 */
import { instructionText, percentText, sizeText, usText } from '../check/words.ts';
import { type CompareOptions, type Comparison, compare } from '../compare.ts';
import type { EngineConfig } from '../engines/dispatch.ts';
import type { CheckedOperation, Instruction, Settings } from '../engines/types.ts';
import type { MeasurementSet } from '../measurement.ts';

export interface ServingExport {
  /** The lines, without one at the end. */
  readonly text: string;
  readonly settings: Settings;
  readonly instructions: readonly Instruction[];
  /** Losses that remain, in words. */
  readonly notExpressible: readonly string[];
}

/** Settings that belong to an operation: those of the others stay as they are. */
const OWN: Readonly<Record<CheckedOperation, readonly (keyof Settings)[]>> = {
  all_reduce: [
    'custom',
    'customStages',
    'customV2',
    'symmMem',
    'ncclSymm',
    'flashinfer',
    'flashinferBackend',
    'pcieIpc',
    'mscclpp',
  ],
  all_reduce_rms_norm: ['fusion', 'fusionCapMb', 'flashinferBackend'],
};

/** Makes the lines for one engine on one machine from what was measured of it. */
export function exportServing(
  set: MeasurementSet,
  config: EngineConfig,
  options: CompareOptions,
): ServingExport {
  const { engine, deployment } = config;
  const before = preferred(compare(set, config, options).comparisons);
  let settings = config.settings;
  const lines: string[] = [
    `# ${engine.name} ${engine.version} (as of ${engine.source.date}), ${deployment.worldSize}x ${deployment.gpu.name}, ${deployment.dtype}`,
  ];
  const instructions: Instruction[] = [];
  for (const comparison of before) {
    const { advice, name } = comparison;
    if (advice === undefined) {
      lines.push(`# ${name}: what the engine picks was not measured`);
      continue;
    }
    if (advice.instructions.length === 0) {
      lines.push(`# ${name}: nothing to change, ${percentText(advice.before * 100)} behind the best choice`);
      continue;
    }
    lines.push(`# ${name}: ${gain(comparison)}`);
    const next = adopt(settings, advice.settings, comparison.key.operation);
    const found = engine.instructions(settings, next, {
      ...deployment,
      hidden: deployment.hidden ?? comparison.key.hidden,
    });
    lines.push(...found.filter(({ kind }) => kind === 'env').map(({ text }) => environment(text)));
    instructions.push(...found);
    settings = next;
  }
  lines.push(...commandLine(engine.name, instructions));
  const after = preferred(compare(set, { ...config, settings, backends: undefined }, options).comparisons);
  const notExpressible = after.flatMap(({ name, findings }) =>
    findings.map(({ text }) => `${name}: ${text.split('; ')[0]}`),
  );
  lines.push(...notExpressible.map((each) => `# not expressible: ${each}`));
  return { text: lines.join('\n'), settings, instructions, notExpressible };
}

/** One group an operation: that in CUDA graphs where there is one, as decoding runs so; the first of several. */
function preferred(comparisons: readonly Comparison[]): Comparison[] {
  const operations = [...new Set(comparisons.map(({ key }) => key.operation))];
  return operations.map((operation) => {
    const own = comparisons.filter(({ key }) => key.operation === operation);
    return own.find(({ key }) => key.mode !== 'eager') ?? own[0]!;
  });
}

function adopt(settings: Settings, advised: Settings, operation: CheckedOperation): Settings {
  return { ...settings, ...Object.fromEntries(OWN[operation].map((name) => [name, advised[name]])) };
}

function gain({ advice, bands }: Comparison): string {
  const [before, after] = [percentText(advice!.before * 100), percentText(advice!.after * 100)];
  const mean = `behind the best choice by ${before} before, ${after} then, root mean square`;
  const first = bands[0];
  if (first === undefined) return mean;
  const { worst } = bands.reduce((a, b) => (b.worst.percent > a.worst.percent ? b : a), first);
  return `${mean}; at the worst ${usText(worst.us)} an operation (${percentText(worst.percent)} at ${sizeText(worst.bytes)}) before`;
}

function environment(text: string): string {
  return text.endsWith(' unset') ? `unset ${text.slice(0, -' unset'.length)}` : `export ${text}`;
}

/** Flags and configuration as an array of the shell, so that the file can be sourced. */
function commandLine(engine: string, instructions: readonly Instruction[]): string[] {
  const flags = instructions.filter(({ kind }) => kind === 'flag');
  const removed = flags.filter(({ text }) => text.startsWith('no '));
  const words = flags.filter((flag) => !removed.includes(flag)).map(({ text }) => text);
  const configured = instructions.filter(({ kind }) => kind === 'config');
  if (configured.length > 0) {
    const pass_config = Object.fromEntries(configured.map(({ text, value }) => [text, value]));
    words.push(`--compilation-config '${JSON.stringify({ pass_config })}'`);
  }
  const lines = removed.map((flag) => `# remove ${instructionText([flag]).slice('no '.length)}`);
  const command =
    engine === 'vllm' ? 'vllm serve MODEL' : 'python -m sglang.launch_server --model-path MODEL';
  if (words.length === 0) return lines;
  const name = `${engine.toUpperCase()}_ARGS`;
  return [...lines, `# ${command} "\${${name}[@]}"`, `${name}=(${words.join(' ')})`];
}

/**
 * @file Options that describe a serving engine, its machine and its settings; for `check` and `export`.
 */
import { Command, Option } from 'commander';
import { type EngineConfig, loggedBackends } from '../interop/engines/dispatch.ts';
import {
  describedVersions,
  ENGINE_NAMES,
  findEngine,
  type ServingEngineName,
} from '../interop/engines/find.ts';
import { GPUS, type Gpu } from '../interop/engines/gpus.ts';
import { FLASHINFER_BACKENDS, type FlashInferBackend, type Settings } from '../interop/engines/types.ts';
import type { MeasurementSet } from '../interop/measurement.ts';
import { findModel, MODELS, type Model } from '../interop/models.ts';
import type { Mode } from '../operations.ts';
import { findGpuOption, parseAbove, parseWhole, UsageError, usage } from './options.ts';

type Switch = 'on' | 'off';

export interface ServingOptions {
  version?: string;
  gpu?: string;
  tp?: string;
  dtype: string;
  hidden?: string;
  pcie?: boolean;
  multicast: boolean;
  mode: Mode;
  customAllReduce?: Switch;
  symmMem?: Switch;
  flashinfer?: Switch;
  flashinferBackend?: FlashInferBackend;
  ncclSymm?: Switch;
  pcieIpc?: Switch;
  mscclpp?: Switch;
  fusion?: Switch;
  fusionCapMb?: string;
  batchInvariant?: boolean;
  backends?: string;
  model?: string;
  stepMs?: string;
  tolerance?: string;
}

/** Percent: what measurements of one run tell apart. */
const TOLERANCE = 2;

/** The versions that are described, for help. */
export const VERSIONS_HELP: string = ENGINE_NAMES.map(
  (name) => `${name}: ${describedVersions(name).join(', ')}`,
).join('; ');

/** Adds the options to a command. */
export function withServingOptions(command: Command): Command {
  const onOff = (flags: string, text: string): Option => new Option(flags, text).choices(['on', 'off']);
  return command
    .optionsGroup('Engine:')
    .option('--version <v>', 'of the engine (the newest that is described)')
    .option('--gpu <name>', `one of ${GPUS.map(({ name }) => name).join(', ')}`)
    .option('--tp <n>', 'tensor-parallel ranks (every world size that was measured)')
    .addOption(new Option('--dtype <name>', 'of the model').choices(['bf16', 'f16', 'f32']).default('bf16'))
    .option('--hidden <n>', 'hidden size (of the measurements, or of --model)')
    .option('--pcie', 'no NVLink between all GPUs')
    .option('--no-multicast', 'NVLink multicast cannot be used')
    .addOption(
      new Option('--mode <name>', 'of measurements that do not say')
        .choices(['replay', 'eager'])
        .default('replay'),
    )
    .optionsGroup('Its settings (the defaults of that version):')
    .addOption(onOff('--custom-all-reduce <on|off>', 'the custom all-reduce'))
    .addOption(onOff('--symm-mem <on|off>', "PyTorch's symmetric memory"))
    .addOption(onOff('--flashinfer <on|off>', "FlashInfer's all-reduce without a norm"))
    .addOption(new Option('--flashinfer-backend <name>', 'its workspace').choices([...FLASHINFER_BACKENDS]))
    .addOption(onOff('--nccl-symm <on|off>', 'NCCL on symmetric memory'))
    .addOption(onOff('--pcie-ipc <on|off>', "vLLM: FlashInfer's all-reduce for PCIe"))
    .addOption(onOff('--mscclpp <on|off>', 'SGLang: MSCCL++'))
    .addOption(onOff('--fusion <on|off>', 'all-reduce and RMSNorm in one kernel'))
    .option('--fusion-cap-mb <x>', 'largest message that is fused, MiB')
    .option('--batch-invariant', 'vLLM: VLLM_BATCH_INVARIANT=1')
    .option('--backends <list>', 'those of its log line "Using [...] all-reduce backends"')
    .optionsGroup('What counts:')
    .option('--tolerance <percent>', `by which something has to be faster (default: ${TOLERANCE})`)
    .option('--model <name>', `cost of a decode step: ${MODELS.map(({ name }) => name).join(', ')}`)
    .option('--step-ms <x>', 'time of a decode step, in place of an estimate');
}

/** Their long names. */
export const SERVING_OPTIONS: readonly string[] = withServingOptions(new Command()).options.map(
  ({ long }) => long!,
);

export interface Serving {
  /** One for each world size. */
  readonly configs: readonly EngineConfig[];
  readonly model?: Model | undefined;
  readonly stepMs?: number | undefined;
  /** A share. */
  readonly tolerance: number;
  readonly notes: readonly string[];
}

/** Options of settings that one engine alone has. */
const OWN: Readonly<Record<ServingEngineName, readonly [keyof ServingOptions, string][]>> = {
  vllm: [
    ['pcieIpc', '--pcie-ipc'],
    ['batchInvariant', '--batch-invariant'],
  ],
  sglang: [['mscclpp', '--mscclpp']],
};

/** What the options say of an engine, for the world sizes that were measured or the one that was asked for. */
export function servingOf(name: ServingEngineName, options: ServingOptions, set: MeasurementSet): Serving {
  refuseOthers(name, options);
  if (options.fusion === 'off' && options.fusionCapMb !== undefined)
    throw new UsageError(
      `--fusion-cap-mb is "${options.fusionCapMb}", and with --fusion off nothing is fused; leave one of them out`,
    );
  const { engine, note } = usage(() => findEngine(name, options.version), { version: '--version' });
  const named = options.gpu ?? set.host.gpu;
  if (named === undefined) {
    throw new UsageError(`--gpu is missing; use one of ${GPUS.map((each) => each.name).join(', ')}`);
  }
  const gpu = findGpuOption(named, options.gpu);
  const model =
    options.model === undefined ? undefined : usage(() => findModel(options.model!), { model: '--model' });
  const hidden = hiddenOf(options.hidden, model);
  const nvlink = gpu.nvlink && options.pcie !== true;
  const sizes =
    options.tp === undefined
      ? [...new Set(set.measurements.map(({ worldSize }) => worldSize))].sort((a, b) => a - b)
      : [parseWhole(options.tp, '--tp', 2, 1024)];
  const settings = settingsOf(engine.defaults, options);
  const stepMs = options.stepMs === undefined ? undefined : parseAbove(options.stepMs, '--step-ms', 0);
  if (stepMs !== undefined && model === undefined)
    throw new UsageError(
      `--step-ms is "${options.stepMs}", and without --model there is no step; use one of ${MODELS.map((each) => each.name).join(', ')}`,
    );
  const backends = options.backends === undefined ? undefined : backendsOf(options.backends);
  const configs = sizes.map((worldSize) => ({
    engine,
    deployment: {
      gpu,
      worldSize,
      dtype: options.dtype,
      hidden,
      nvlink,
      multicast: nvlink && gpu.multicast && options.multicast,
      mode: options.mode,
    },
    settings,
    backends,
  }));
  for (const config of configs) refuseUnknown(options.backends, config);
  return {
    configs,
    model,
    stepMs,
    tolerance: toleranceOf(options, TOLERANCE),
    notes: [
      ...(note === undefined ? [] : [note]),
      ...engine.source.uncertain.filter((text) => concerns(text, gpu)),
    ],
  };
}

/** Refuses settings of the other engine, which would change nothing. */
function refuseOthers(name: ServingEngineName, options: ServingOptions): void {
  for (const other of ENGINE_NAMES) {
    const given = OWN[other].find(([key]) => options[key] !== undefined);
    if (other !== name && given !== undefined)
      throw new UsageError(`${given[1]} is a setting of ${other}, and the engine is ${name}; leave it out`);
  }
}

/** The hidden size that was named, or that of the model. */
function hiddenOf(text: string | undefined, model: Model | undefined): number | undefined {
  if (text === undefined) return model?.hidden;
  const hidden = parseWhole(text, '--hidden', 1, 1 << 20);
  if (model !== undefined && model.hidden !== hidden)
    throw new UsageError(
      `--hidden is "${text}", and --model ${model.name} has hidden size ${model.hidden}; use that, or leave one of them out`,
    );
  return hidden;
}

/** Refuses a line of a log in which nothing is a backend of the engine: all of them would count as missing. */
function refuseUnknown(text: string | undefined, config: EngineConfig): void {
  if (config.backends === undefined) return;
  const known = loggedBackends(config);
  if (!config.backends.some((name) => known.includes(name)))
    throw new UsageError(
      `--backends is "${text}", which names no backend of ${config.engine.name}; use some of ${known.join(', ')}`,
    );
}

/** What is uncertain of one compute capability is for GPUs of that one. */
function concerns(text: string, { capability }: Gpu): boolean {
  const named = /^capability (\d+\.\d)/.exec(text)?.[1];
  return named === undefined || named === capability;
}

/** --tolerance as a share: 0.02 for 2 percent. `normal`: percent, where it is not given. */
export function toleranceOf({ tolerance }: Pick<ServingOptions, 'tolerance'>, normal: number): number {
  const text = tolerance ?? String(normal);
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`--tolerance is "${text}"; use a number of percent, 0 or more`);
  }
  return value / 100;
}

function settingsOf(defaults: Settings, options: ServingOptions): Settings {
  const on = (value: Switch | undefined, otherwise: boolean): boolean =>
    value === undefined ? otherwise : value === 'on';
  const cap = options.fusionCapMb;
  return {
    ...defaults,
    custom: on(options.customAllReduce, defaults.custom),
    symmMem: on(options.symmMem, defaults.symmMem),
    flashinfer: on(options.flashinfer, defaults.flashinfer),
    flashinferBackend: options.flashinferBackend ?? defaults.flashinferBackend,
    ncclSymm: on(options.ncclSymm, defaults.ncclSymm),
    pcieIpc: on(options.pcieIpc, defaults.pcieIpc),
    mscclpp: on(options.mscclpp, defaults.mscclpp),
    fusion: on(options.fusion, defaults.fusion),
    fusionCapMb: cap === undefined ? defaults.fusionCapMb : parseAbove(cap, '--fusion-cap-mb', 0),
    batchInvariant: options.batchInvariant ?? defaults.batchInvariant,
  };
}

/** `CUSTOM,PYNCCL`, or the line as the log has it: `['CUSTOM', 'PYNCCL']`. */
function backendsOf(text: string): string[] {
  const names = text.toUpperCase().match(/[A-Z][A-Z_0-9]*/g);
  if (names === null) throw new UsageError(`--backends is "${text}"; use names such as CUSTOM,PYNCCL`);
  return names;
}

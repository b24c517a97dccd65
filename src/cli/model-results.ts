/**
 * @file What commands that time a model have in common about their results: the record that goes into a file, its first lines as text, and the cap of `fused-cap`.
 */
import { fingerprintHere } from '../collective/engines.ts';
import { writeWhole } from '../files/write-whole.ts';
import { rankCount } from '../group/wording.ts';
import { VERSION } from '../version.ts';
import type { SessionRequest } from '../workload/session/open.ts';
import type { ModelRecord } from '../workload/session/record.ts';
import type { ChosenModel } from './model-options.ts';
import { hardwareOf, parseAbove, UsageError } from './options.ts';

export function recordOf<Name extends string>(
  benchmark: Name,
  { title }: ChosenModel,
  session: SessionRequest,
  worldSize: number,
): ModelRecord<Name> {
  const { engine, host, device } = fingerprintHere(session.engine);
  const { config, attention = 'tensor', experts = 'tensor', precision = 'bf16' } = session;
  return {
    benchmark,
    schema: 1,
    crossover: VERSION,
    date: new Date().toISOString(),
    command: `crossover ${process.argv.slice(2).join(' ')}`,
    engine,
    host,
    device,
    model: title,
    layers: config.layers,
    worldSize,
    attention,
    experts,
    precision,
  };
}

interface Outcome {
  readonly measured: boolean;
  readonly skipped: readonly { readonly variant: string; readonly reason: string }[];
}

/** The lines above the tables; `doing` is `decoding`, `more` what is to be known of the run. */
export function headLines(
  doing: string,
  { model, precision, worldSize, engine, host, device }: ModelRecord<string>,
  { measured, skipped }: Outcome,
  more: readonly string[],
): string[] {
  return [
    `# crossover ${VERSION}: ${doing} ${model}, ${precision}, ${rankCount(worldSize)}, ${engine} engine on ${hardwareOf(host, device)}`,
    ...more.map((line) => `# ${line}`),
    ...(measured ? ['# collectives of this model that no plan had were measured first'] : []),
    ...skipped.map(({ variant, reason }) => `# not run: ${variant}: ${reason}`),
  ];
}

/** Prints a result, as data or as text, and writes the data to a file where that is asked for. */
export function give(
  result: unknown,
  text: string,
  { json, output }: { json?: boolean; output?: string },
): void {
  const data = `${JSON.stringify(result, null, 2)}\n`;
  process.stdout.write(json ? data : text);
  if (output !== undefined) writeWhole(output, data);
}

const MIB = 1 << 20;

/** Bytes of `--fusion-cap-mb`, and the variants that can do without where it is not given. @throws UsageError when one was asked for that cannot, or the cap is for none of those that were asked for */
export function cappedVariants<V extends string>(
  capMb: string | undefined,
  variants: readonly V[],
  asked: boolean,
): { readonly capBytes: number; readonly variants: readonly V[] } {
  if (capMb !== undefined) {
    const capBytes = parseAbove(capMb, '--fusion-cap-mb', 0) * MIB;
    if (!Number.isSafeInteger(Math.ceil(capBytes)))
      throw new UsageError(`--fusion-cap-mb is "${capMb}"; use MiB of a message`);
    if (asked && !variants.some((name) => name === 'fused-cap'))
      throw new UsageError(
        `--fusion-cap-mb is "${capMb}", and --variants has no fused-cap (${variants.join(', ')}); add it, or leave the cap out`,
      );
    return { capBytes, variants };
  }
  if (asked && variants.some((name) => name === 'fused-cap'))
    throw new UsageError('--variants has fused-cap, which needs --fusion-cap-mb');
  return { capBytes: 0, variants: variants.filter((name) => name !== 'fused-cap') };
}

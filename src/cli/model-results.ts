/**
 * @file What commands that time a model have in common about their results: the record that goes into a file, and its first lines as text.
 */
import { fingerprintHere } from '../collective/engines.ts';
import { writeWhole } from '../files/write-whole.ts';
import { rankCount } from '../group/wording.ts';
import { VERSION } from '../version.ts';
import type { SessionRequest } from '../workload/session/open.ts';
import type { ModelRecord } from '../workload/session/record.ts';
import type { ChosenModel } from './model-options.ts';
import { hardwareOf } from './options.ts';

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

/** @file Inputs of all formats, damaged: nothing crashes or hangs, and no time is read that does not stand in the line it is said to be from. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CrossoverError } from '../../dist/errors.js';
import {
  ALL_REDUCE,
  CSV,
  CUSTOM,
  communicatorsJson,
  communicatorsTable,
  data,
  expectTraceable,
  FUSED,
  FUSED_STDOUT,
  markdownOf,
  P2P,
  P2P_FULL,
  read,
  result,
} from './support/inputs.ts';

/** The first part of a result, which is as good as the whole and quicker to read. */
function some(text: string, list: string, most: number): string {
  const value = JSON.parse(text);
  return JSON.stringify({ ...value, [list]: value[list].slice(0, most) }, null, 1);
}

const OWN_JSON = JSON.stringify(
  [
    { algorithm: 'a', bytes: 1024, us: 1.5, world_size: 2 },
    { algorithm: 'b', bytes: 2048, us: 2.25, world_size: 2, mode: 'replay' },
  ],
  null,
  2,
);

const INPUTS: readonly string[] = [
  ALL_REDUCE,
  some(data('interop/all_gather_4xh200.json'), 'results', 3),
  JSON.stringify(JSON.parse(some(data('interop/all_gather_4xh200.json'), 'results', 3))),
  communicatorsTable(),
  communicatorsJson(),
  FUSED,
  FUSED_STDOUT,
  markdownOf(FUSED),
  CUSTOM,
  P2P,
  P2P_FULL,
  CSV,
  OWN_JSON,
  some(result('xeon-16-cores/plan-2-ranks.json'), 'entries', 1),
  some(result('xeon-16-cores/all-reduce-f32-2-ranks.json'), 'rows', 4),
  some(result('4xh200/bench-4-gpus.json'), 'rows', 1),
];

/** What undamaged lines of logs and tables say: operation and time. */
const SAID: ReadonlyMap<string, ReadonlySet<string>> = saidBy(INPUTS.filter((text) => !/^[[{]/.test(text)));

function saidBy(texts: readonly string[]): Map<string, Set<string>> {
  const said = new Map<string, Set<string>>();
  for (const text of texts) {
    const lines = text.split('\n');
    for (const { operation, us, source } of read(text).measurements) {
      const line = lines[source.line - 1]!;
      said.set(line, (said.get(line) ?? new Set()).add(`${operation} ${us}`));
    }
  }
  return said;
}

interface Damage {
  readonly kind: 'drop' | 'double' | 'cut' | 'splice' | 'flip' | 'swap' | 'join' | 'wrap' | 'paste';
  /** Where, as shares of the whole. */
  readonly line: number;
  readonly column: number;
  readonly other: number;
  readonly code: number;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('drop', 'double', 'cut', 'splice', 'flip', 'swap', 'join', 'wrap', 'paste'),
  line: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  column: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  other: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  code: fc.integer({ min: 1, max: 126 }),
});

function damaged(
  lines: string[],
  { kind, line, column, other, code }: Damage,
  strange: readonly string[],
): void {
  const at = Math.floor(line * lines.length);
  const to = Math.floor(other * lines.length);
  const text = lines[at] ?? '';
  const cut = Math.floor(column * text.length);
  switch (kind) {
    case 'drop':
      lines.splice(at, 1 + Math.floor(column * 3));
      break;
    case 'double':
      lines.splice(to, 0, text);
      break;
    case 'cut':
      lines[at] = text.slice(0, cut);
      break;
    case 'splice':
      lines[at] = text.slice(0, cut) + (lines[to] ?? '').slice(cut);
      break;
    case 'flip':
      lines[at] = text.slice(0, cut) + String.fromCharCode(code) + text.slice(cut + 1);
      break;
    case 'swap':
      [lines[at], lines[to]] = [lines[to] ?? '', text];
      break;
    case 'join':
      lines.splice(at, 2, text + (lines[at + 1] ?? ''));
      break;
    case 'wrap':
      lines.splice(at, 1, text.slice(0, cut), text.slice(cut));
      break;
    case 'paste':
      lines.splice(at, 0, ...strange.slice(Math.floor(column * strange.length)).slice(0, 12));
  }
}

describe('damaged inputs', () => {
  it('as they are can be traced', () => {
    for (const text of INPUTS) expectTraceable(text, read(text));
  });

  it('are read without a crash, and every time stands in its line', () => {
    const input = fc.nat({ max: INPUTS.length - 1 });
    let measurements = 0;
    fc.assert(
      fc.property(input, input, fc.array(damage, { minLength: 1, maxLength: 6 }), (own, other, damages) => {
        const lines = INPUTS[own]!.split('\n');
        const strange = INPUTS[other]!.split('\n');
        for (const one of damages) damaged(lines, one, strange);
        const text = lines.join('\n');
        try {
          const set = read(text, { worldSize: own % 2 === 0 ? 4 : undefined });
          measurements += set.measurements.length;
          expectTraceable(text, set);
          const after = text.split('\n');
          for (const { operation, us, bytes, worldSize, source } of set.measurements) {
            // Whatever became of the lines around it, a line is not read as something else than it was. Rows of CSV mean what their head says.
            const said = SAID.get(after[source.line - 1]!);
            if (said !== undefined && !CSV.includes(after[source.line - 1]!)) {
              expect([...said]).toContain(`${operation} ${us}`);
            }
            expect(us > 0 && Number.isSafeInteger(bytes) && bytes >= 0 && worldSize >= 1).toBe(true);
          }
          for (const { source, message } of set.complaints) {
            expect(source.line >= 1 && source.line <= lines.join('\n').split('\n').length + 1).toBe(true);
            expect(message).not.toMatch(/undefined|\[object|[\n\r]/);
          }
        } catch (error) {
          if (!(error instanceof CrossoverError)) throw error;
          expect(error.message).not.toMatch(/\n/);
        }
      }),
      { numRuns: 2000, endOnFailure: false },
    );
    // Most of most inputs is still there.
    expect(measurements).toBeGreaterThan(20_000);
  });

  it('of arbitrary text and bytes are refused in one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(() => read(text)).toThrow(CrossoverError);
      }),
      { numRuns: 500 },
    );
  });

  it('with long lines take no long time', () => {
    const started = performance.now();
    for (const unit of [
      '1 ',
      ' ',
      'a',
      '"',
      '[',
      '{"a":',
      '(1, ',
      '| ',
      '1.5x ',
      '0: ',
      'all_reduce_perf ',
      ',',
    ]) {
      for (const times of [1000, 4000, 500_000]) {
        const text = `${ALL_REDUCE.slice(0, 1700)}\n${unit.repeat(times)}\n`;
        expect(() => read(text, { file: 'long' })).not.toThrow();
      }
    }
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

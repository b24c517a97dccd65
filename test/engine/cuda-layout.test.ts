/** @file What TypeScript and the kernels must agree on: the launch record, the layout of a memory block, and the words of a status. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LAUNCH_BYTES, LaunchRecord, OFFSETS } from '../../dist/engine/cuda/launch-record.js';
import * as layout from '../../dist/engine/cuda/layout.js';
import { emptyLaunch, type Launch } from '../../dist/engine/engine.js';

const header = (name: string): string =>
  readFileSync(new URL(`../../kernels/cuda/${name}`, import.meta.url), 'utf8').replaceAll(/\/\/.*/g, '');

/** Sizes of the types that the struct has; addresses are 64 bits. */
const BYTES: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, float: 4, u64: 8 };

/** Constants of a header, each an expression of numbers and of those before it. */
function constantsOf(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [, name, expression] of text.matchAll(/constexpr u(?:32|64) (\w+) = ([^;]+);/g)) {
    const numbers = expression!.replaceAll(/u64\((\w+)\)/g, '$1').replaceAll(/[A-Z_a-z]\w*/g, (word) => {
      if (!found.has(word)) throw new Error(`${name} is made of ${word}, which is not known`);
      return String(found.get(word));
    });
    if (!/^[\d\s+*/()-]+$/.test(numbers)) throw new Error(`${name} is ${expression}`);
    found.set(name!, new Function(`return ${numbers}`)() as number);
  }
  return found;
}

/** Offset of every field of `struct Launch`, with C's rules of alignment. */
function fieldsOf(
  text: string,
  constants: Map<string, number>,
): { offsets: Record<string, number>; bytes: number } {
  const body = /struct Launch \{([^}]*)\}/.exec(text)![1]!;
  const offsets: Record<string, number> = {};
  let end = 0;
  for (const [, type, pointer, name, length] of body.matchAll(
    /(?:const )?(\w+)(\*?) (\w+)(?:\[([^\]]+)\])?;/g,
  )) {
    const size = pointer ? 8 : BYTES[type!]!;
    const [base = '1', more = '0'] = (length ?? '1').split('+').map((part) => part.trim());
    const count = (constants.get(base) ?? Number(base)) + Number(more);
    end = Math.ceil(end / size) * size;
    offsets[name!] = end;
    end += size * count;
  }
  return { offsets, bytes: Math.ceil(end / 8) * 8 };
}

const launchText = header('launch.cuh');
const constants = constantsOf(launchText + header('layout.cuh'));

test('the launch record has the fields of the struct, at its offsets', () => {
  const { offsets, bytes } = fieldsOf(launchText, constants);
  expect(offsets).toEqual(OFFSETS);
  expect(bytes).toBe(LAUNCH_BYTES);
});

test('the layout has the numbers of layout.cuh', () => {
  const shared = Object.entries(layout).filter(([name]) => constants.has(name));
  for (const [name, value] of shared) expect(value, name).toBe(constants.get(name));
  expect(shared.map(([name]) => name)).toEqual(
    expect.arrayContaining([
      'CONTROL_BYTES',
      'EPOCHS_BLOCK',
      'SIGNALS',
      'UNITS',
      'STAGE',
      'STAGE_BYTES',
      'PACKETS_ONE_SHOT',
      'HEAP',
      'MAILBOX_BYTES',
    ]),
  );
  expect(layout.MAX_WORLD).toBe(constants.get('MAX_WORLD'));
});

describe('the launch record', () => {
  const setup = {
    rank: 1,
    peers: [0x7f12_3456_7000, 0x6000_0000_0000, 0x10],
    status: 0x7fff_0000_1000,
    deadlineNanoseconds: 8e9,
    stream: 0x5555n,
    programmatic: true,
  };
  const shape = { grid: 7, block: 256, sharedBytes: 1024 };

  test('holds addresses and counts of more than 32 bits', () => {
    const record = new LaunchRecord(setup);
    const launch: Launch = {
      ...emptyLaunch(),
      input: 0x7f12_3456_7890,
      output: 2 ** 46 + 16,
      count: 2 ** 40 + 3,
      scale: 0.5,
      dtype: 2,
    };
    record.write(launch, shape, 'none');
    const view = new DataView(record.bytes.buffer, record.bytes.byteOffset, LAUNCH_BYTES);
    const address = (offset: number): number => Number(view.getBigUint64(offset, true));
    expect(setup.peers.map((_, rank) => address(OFFSETS.peers + 8 * rank))).toEqual(setup.peers);
    expect(address(OFFSETS.input)).toBe(launch.input);
    expect(address(OFFSETS.output)).toBe(launch.output);
    expect(address(OFFSETS.residual)).toBe(0);
    expect(address(OFFSETS.count)).toBe(launch.count);
    expect(address(OFFSETS.status)).toBe(setup.status);
    expect(address(OFFSETS.deadline)).toBe(8e9);
    expect(view.getUint32(OFFSETS.rank, true)).toBe(1);
    expect(view.getFloat32(OFFSETS.scale, true)).toBe(0.5);
    expect(view.getUint32(OFFSETS.aligned, true)).toBe(1);
    expect(view.getUint32(OFFSETS.element_bytes, true)).toBe(2);
    expect(view.getUint32(OFFSETS.cast_before_weight, true)).toBe(0);
    record.write({ ...launch, weight: 0x1008, castBeforeWeight: true }, shape, 'none');
    expect(view.getUint32(OFFSETS.cast_before_weight, true)).toBe(1);
    expect(view.getUint32(OFFSETS.aligned, true)).toBe(0);
    record.release();
  });
});

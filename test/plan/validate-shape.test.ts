/**
 * @file Every message about the shape of a plan, word for word.
 */
import { describe, expect, it } from 'vitest';
import { MAX_ENTRIES, MAX_ITEMS } from '../../dist/plan/schema.js';
import { validatePlan } from '../../dist/plan/validate.js';
import { message, messageOf, type Path, POINT, RANGE } from './messages.ts';
import { samplePlan } from './samples.ts';

it('accepts the sample, and returns a copy', () => {
  const plan = samplePlan();
  const checked = validatePlan(plan, 'plan.json');
  expect(checked).toEqual(plan);
  expect(checked).not.toBe(plan);
});

it('accepts a plan without entries, regret and Node version', () => {
  expect(
    message([['entries'], []], [['regret'], undefined], [['fingerprint', 'host', 'node'], undefined]),
  ).toBe('valid');
});

describe('shape', () => {
  const cases: [Path, unknown, string][] = [
    [['crossover'], '', 'crossover is "", must not be empty'],
    [['crossover'], undefined, 'crossover is missing, must be text'],
    [
      ['createdAt'],
      'yesterday',
      'createdAt is "yesterday", must be an ISO 8601 time in UTC, such as 2026-01-31T12:00:00Z',
    ],
    [['command'], 7, 'command is 7, must be text'],
    [['deterministic'], 'no', 'deterministic is "no", must be true or false'],
    [['fingerprint'], null, 'fingerprint is null, must be an object'],
    [['fingerprint', 'engine'], 'tpu', 'fingerprint.engine is "tpu", must be one of cpu, cuda'],
    [['fingerprint', 'host', 'cores'], 0, 'fingerprint.host.cores is 0, must be a whole number, 1 or more'],
    [
      ['fingerprint', 'device'],
      [],
      'fingerprint.device is an empty array, must be an object of at most 500 texts',
    ],
    [['fingerprint', 'device', 'sm count'], 132, 'fingerprint.device["sm count"] is 132, must be text'],
    [['entries'], {}, `entries is an object, must be an array of at most ${MAX_ENTRIES} items`],
    [
      ['entries'],
      new Array(MAX_ENTRIES + 1).fill(0),
      `entries is an array, must be an array of at most ${MAX_ENTRIES} items`,
    ],
    [['entries', 0], 'x', 'entries[0] is "x", must be an object'],
    [
      ['entries', 0, 'key', 'operation'],
      'all_to_all',
      'entries[0].key.operation is "all_to_all", must be one of all_reduce, all_gather, reduce_scatter, broadcast, all_reduce_rms_norm',
    ],
    [
      ['entries', 0, 'key', 'dtype'],
      'f64',
      'entries[0].key.dtype is "f64", must be one of f32, f16, bf16, f8e4m3, i8, e2m1x2',
    ],
    [
      ['entries', 0, 'key', 'worldSize'],
      2.5,
      'entries[0].key.worldSize is 2.5, must be a whole number, 1 or more',
    ],
    [['entries', 0, 'key', 'mode'], 'graph', 'entries[0].key.mode is "graph", must be one of eager, replay'],
    [
      ['entries', 1, 'key', 'hidden'],
      '4096',
      'entries[1].key.hidden is "4096", must be a whole number, 1 or more',
    ],
    [
      ['entries', 1, 'key', 'quantization'],
      'fp8',
      'entries[1].key.quantization is "fp8", must be one of none, f8e4m3_static, f8e4m3_token, i8_token, nvfp4',
    ],
    [
      ['entries', 0, 'key', 'registered'],
      undefined,
      'entries[0].key.registered is missing, must be true or false',
    ],
    [['entries', 0, 'measured', 'from'], 0, 'entries[0].measured.from is 0, must be whole bytes, 1 or more'],
    [[...RANGE, 'from'], -1, 'entries[0].ranges[1].from is -1, must be whole bytes, 0 or more'],
    [
      [...RANGE, 'from'],
      2 ** 53,
      'entries[0].ranges[1].from is 9007199254740992, must be whole bytes, 0 or more',
    ],
    [
      [...RANGE, 'to'],
      0,
      'entries[0].ranges[1].to is 0, must be whole bytes, 1 or more, or null in the last range',
    ],
    [
      [...RANGE, 'to'],
      undefined,
      'entries[0].ranges[1].to is missing, must be whole bytes, 1 or more, or null in the last range',
    ],
    [[...RANGE, 'algorithm'], true, 'entries[0].ranges[1].algorithm is true, must be text'],
    [
      [...RANGE, 'tunables'],
      'none',
      'entries[0].ranges[1].tunables is "none", must be an object of at most 500 numbers',
    ],
    [
      [...RANGE, 'tunables', 'blocks'],
      '24',
      'entries[0].ranges[1].tunables.blocks is "24", must be a finite number',
    ],
    [[...RANGE, 'at'], 0.5, 'entries[0].ranges[1].at is 0.5, must be whole bytes, 0 or more'],
    [[...RANGE, 'us'], 0, 'entries[0].ranges[1].us is 0, must be a finite number of us, more than 0'],
    [
      [...RANGE, 'us'],
      Number.POSITIVE_INFINITY,
      'entries[0].ranges[1].us is Infinity, must be a finite number of us, more than 0',
    ],
    [
      [...RANGE, 'spread'],
      Number.NaN,
      'entries[0].ranges[1].spread is NaN, must be a finite number of us, 0 or more',
    ],
    [[...POINT, 'bytes'], 0, 'entries[0].candidates[0].points[0].bytes is 0, must be whole bytes, 1 or more'],
    [
      [...POINT, 'us'],
      -3,
      'entries[0].candidates[0].points[0].us is -3, must be a finite number of us, more than 0',
    ],
    [['regret', 'worst'], -0.1, 'regret.worst is -0.1, must be a finite number, 0 or more'],
    [['regret', 'count'], 0, 'regret.count is 0, must be a whole number, 1 or more'],
    [['regret', 'worstAt'], undefined, 'regret.worstAt is missing, must be an object'],
    [
      [...RANGE, 'colour'],
      1,
      'entries[0].ranges[1].colour is not known; accepted here: from, to, algorithm, tunables, at, us, spread',
    ],
    [
      ['notes\nand more'],
      1,
      '["notes\\nand more"] is not known; accepted here: schema, crossover, createdAt, command, deterministic, fingerprint, entries, regret',
    ],
    [['command'], ['a'], 'command is an array, must be text'],
    [
      ['createdAt'],
      `${'x'.repeat(100)}`,
      `createdAt is "${'x'.repeat(60)}...", must be an ISO 8601 time in UTC, such as 2026-01-31T12:00:00Z`,
    ],
    [
      ['createdAt'],
      'a\u2028b\u0085c\nd',
      'createdAt is "a b c\\nd", must be an ISO 8601 time in UTC, such as 2026-01-31T12:00:00Z',
    ],
  ];
  it.each(cases)('%j = %j', (path, value, expected) => {
    expect(message([path, value])).toBe(`plan.json: ${expected}`);
  });

  it.each([
    [null, 'null'],
    [[], 'an empty array'],
    ['x', '"x"'],
    [3, '3'],
  ])('%j is no plan', (value, words) => {
    expect(messageOf(value)).toBe(`plan.json: the plan is ${words}, must be an object`);
  });

  it('says first that another version made the file, whatever else is wrong', () => {
    const hint = 'must be 1, the only one this version reads; make a new plan with "crossover tune"';
    expect(messageOf({ schema: 2, entries: 'other' })).toBe(`plan.json: schema is 2, ${hint}`);
    expect(messageOf({ schema: '1' })).toBe(`plan.json: schema is "1", ${hint}`);
    expect(message([['schema'], undefined])).toBe('plan.json: schema is missing, must be 1');
  });

  it('names several unknown fields together', () => {
    expect(message([['a'], 1], [['b'], 2])).toContain(
      'plan.json: a, b are not known; accepted here: schema,',
    );
  });

  it('bounds every list and record', () => {
    const many = Object.fromEntries(Array.from({ length: MAX_ITEMS + 1 }, (_, index) => [`t${index}`, 1]));
    const at = 'plan.json: entries[0].ranges';
    const items = `must be an array of at most ${MAX_ITEMS} items`;
    expect(message([['entries', 0, 'ranges'], new Array(MAX_ITEMS + 1).fill(0)])).toBe(
      `${at} is an array, ${items}`,
    );
    expect(message([[...RANGE, 'tunables'], many])).toBe(
      `${at}[1].tunables is an object, must be an object of at most ${MAX_ITEMS} numbers`,
    );
  });

  it('says no more than that there are many problems', () => {
    const many = new Array(1000).fill({});
    expect(message([['entries'], many])).toBe(
      'plan.json: entries[0].key is missing, must be an object (and at least 99 more problems)',
    );
    const unknown = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, 1]));
    expect(message([[...RANGE, 'tunables', 'blocks'], unknown])).toContain(
      'blocks is an object, must be a finite number',
    );
    expect(message([['entries', 0], { ...samplePlan().entries[0], ...unknown }])).toContain(
      'plan.json: entries[0].f0, entries[0].f1, entries[0].f2 and 47 more are not known; accepted here: key,',
    );
  });

  it('counts further problems', () => {
    expect(message([['command'], 1], [['deterministic'], 1])).toMatch(
      /^plan.json: command is 1, must be text \(and 1 more problem\)$/,
    );
    expect(message([['command'], 1], [['deterministic'], 1], [['crossover'], 1])).toMatch(
      /\(and 2 more problems\)$/,
    );
  });
});

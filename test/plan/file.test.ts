/**
 * @file Plans on disk: what is written is read back, what cannot be read or written is said on one line, and nothing is left behind.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CrossoverError } from '../../dist/errors.js';
import {
  defaultPlanPath,
  formatPlan,
  loadPlan,
  MAX_PLAN_BYTES,
  parsePlan,
  savePlan,
} from '../../dist/plan/file.js';
import { arbitraryPlan, FINGERPRINT, samplePlan } from './samples.ts';

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'crossover-plan-'));
  path = join(folder, 'plan.json');
});
afterAll(() => rmSync(folder, { recursive: true }));

function failure(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(CrossoverError);
    return (error as Error).message;
  }
  return 'no error';
}

describe('round trip', () => {
  it('reads what was written', () => {
    savePlan(path, samplePlan());
    expect(loadPlan(path)).toEqual(samplePlan());
    expect(readdirSync(folder)).toEqual(['plan.json']);
  });

  it('reads any plan that was written, and writes it the same again', () => {
    fc.assert(
      fc.property(arbitraryPlan, (plan) => {
        const text = formatPlan(plan);
        const read = parsePlan(text, 'text');
        expect(read).toEqual(plan);
        expect(formatPlan(read)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it('writes a line a range and a point, in lines of at most 160 characters where it can', () => {
    const lines = formatPlan(samplePlan()).split('\n');
    expect(lines).toContain(
      '        { "from": 0, "to": 4096, "algorithm": "one_shot_push", "tunables": {}, "at": 2048, "us": 5, "spread": 0.1 },',
    );
    expect(lines.at(-1)).toBe('');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(160);
  });

  it('reads a file with a byte order mark', () => {
    writeFileSync(path, `\ufeff${formatPlan(samplePlan())}`);
    expect(loadPlan(path)).toEqual(samplePlan());
  });
});

describe('reading', () => {
  it('says why a file cannot be read', () => {
    const missing = join(folder, 'missing.json');
    expect(failure(() => loadPlan(missing))).toBe(
      `cannot read ${missing}: ENOENT: no such file or directory; make a plan with "crossover tune"`,
    );
    expect(failure(() => loadPlan(folder))).toBe(`${folder} is not a file`);
    expect(failure(() => loadPlan('a\0b'))).toMatch(/^cannot read a\0b: /);
  });

  it('refuses a pipe in place of waiting for it', () => {
    if (process.platform !== 'win32')
      expect(failure(() => loadPlan('/dev/null'))).toBe('/dev/null is not a file');
  });

  it('refuses a file that is too large, unread', () => {
    const large = join(folder, 'large.json');
    writeFileSync(large, '');
    truncateSync(large, MAX_PLAN_BYTES + 1024 * 1024);
    expect(failure(() => loadPlan(large))).toBe(`${large} has 65 MiB, must be at most 64 MiB`);
    rmSync(large);
  });

  it('refuses bytes that are no text', () => {
    writeFileSync(path, new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]));
    expect(failure(() => loadPlan(path))).toBe(`${path} is not UTF-8 text`);
  });

  it('says where text is not JSON', () => {
    expect(failure(() => parsePlan('{\n  "schema": 1,\n}', 'plan.json'))).toMatch(
      /^plan\.json is not JSON: Expected double-quoted property name \(line 3, column 1\)$/,
    );
    for (const text of ['', '{', '{"a": x\n}', '[1,\n\n2 3]', '"\n"', '\0', '{"a":"\u2028"']) {
      const message = failure(() => parsePlan(text, 'plan.json'));
      expect(message).toMatch(/^plan\.json is not JSON: /);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
      expect(message).not.toMatch(/[\u0000-\u001f\u2028\u2029]/);
    }
  });

  it('names the file in what is wrong with the plan', () => {
    writeFileSync(path, '{"schema":2}');
    expect(failure(() => loadPlan(path))).toMatch(`${path}: schema is 2, must be 1`);
  });

  it('refuses a plan from another machine unless forced', () => {
    savePlan(path, samplePlan());
    const here = { ...FINGERPRINT, kernels: 'other', host: { ...FINGERPRINT.host, cores: 2 } };
    expect(failure(() => loadPlan(path, { fingerprint: here }))).toBe(
      `${path} was measured elsewhere (cores: 64 in the plan, 2 here; kernels: b1946ac92492d234 in the plan, other here); run "crossover tune" here, or use it all the same with CROSSOVER_FORCE=1 (option: force)`,
    );
    expect(loadPlan(path, { fingerprint: here, force: true })).toEqual(samplePlan());
    expect(loadPlan(path, { fingerprint: FINGERPRINT })).toEqual(samplePlan());
  });
});

describe('writing', () => {
  it('replaces the file, and leaves it as it was when the plan is not valid', () => {
    savePlan(path, samplePlan());
    const before = readFileSync(path, 'utf8');
    expect(failure(() => savePlan(path, { ...samplePlan(), command: '' }))).toBe(
      'plan: command is "", must not be empty',
    );
    expect(readFileSync(path, 'utf8')).toBe(before);
    savePlan(path, { ...samplePlan(), command: 'other' });
    expect(loadPlan(path).command).toBe('other');
    expect(readdirSync(folder)).toEqual(['plan.json']);
  });

  it('says why a file cannot be written, and leaves nothing behind', () => {
    const nowhere = join(folder, 'none', 'plan.json');
    expect(failure(() => savePlan(nowhere, samplePlan()))).toBe(
      `cannot write ${nowhere}: ENOENT: no such file or directory`,
    );
    const taken = join(folder, 'taken');
    mkdirSync(join(taken, 'full'), { recursive: true });
    expect(failure(() => savePlan(taken, samplePlan()))).toMatch(/^cannot write .*: E[A-Z]+: /);
    expect(readdirSync(folder).sort()).toEqual(['plan.json', 'taken']);
  });
});

it('looks for a plan in $CROSSOVER_PLAN, then in the working folder', () => {
  expect(defaultPlanPath({ CROSSOVER_PLAN: '/x/y.json' })).toBe('/x/y.json');
  expect(defaultPlanPath({ CROSSOVER_PLAN: '' })).toBe('./crossover-plan.json');
  expect(defaultPlanPath({})).toBe('./crossover-plan.json');
});

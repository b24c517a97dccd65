/** @file What of a plan is measured again, and what is made of it; by a plan whose curves are on paper (test/graph/support/plans.ts). */
import { expect, test } from 'vitest';
import { choiceName } from '../../dist/plan/plan.js';
import { formatLive } from '../../dist/report/live-tables.js';
import { type Probe, probesOf } from '../../dist/tune/live/probes.js';
import { type Fresh, hasMoved, judgeProbe, type Verdict } from '../../dist/tune/live/verdict.js';
import { fusedPlan, ROW } from '../graph/support/plans.ts';

const entry = fusedPlan().entries[0]!;

test('the middle of each range, and both sides of each crossover', () => {
  // Ranges: one_shot_push below 48 rows (at 2), the unfused pair to 230 (at 48), two_shot_push above (at 230). Measured: 2, 32, 64, 128, 256, 512.
  const probes = probesOf(entry).map(({ bytes, contenders }) => [bytes / ROW, ...contenders.map(choiceName)]);
  const [one, two, pair] = ['one_shot_push', 'two_shot_push', 'unfused_two_shot_push'];
  expect(probes).toEqual([
    // At 2 rows the fastest other algorithm that has a curve is two_shot_push with 3.
    [2, one, two],
    [32, one, pair],
    [48, pair, two],
    [64, pair, one],
    [128, pair, two],
    [230, two, pair],
    [256, two, pair],
  ]);
});

test('planned times are the curves', () => {
  const probe = probesOf(entry).find(({ bytes }) => bytes === 128 * ROW)!;
  expect(probe.contenders.map(({ plannedUs, plannedSpread }) => [plannedUs, plannedSpread])).toEqual([
    [12, 0.1],
    [17, 0.1],
  ]);
});

/** 12 us planned for the unfused pair at 128 rows, 17 for two_shot_push. */
const probe = probesOf(entry).find(({ bytes }) => bytes === 128 * ROW) as Probe;
const judge = (...fresh: Fresh[]): Verdict => judgeProbe({ probe, fresh }, 0.02);
const WHERE = 'all_reduce_rms_norm bf16 x4 replay h4096 at 1 MiB';

test.each<[finding: string, text: string, fresh: Fresh[]]>([
  [
    'holds',
    `${WHERE}: unfused_two_shot_push holds, 12.5 us`,
    [
      { us: 12.5, spread: 0.2 },
      { us: 16, spread: 0.2 },
    ],
  ],
  // 2 % slower than another one is let pass.
  [
    'holds',
    `${WHERE}: unfused_two_shot_push holds, 12.2 us`,
    [
      { us: 12.2, spread: 0 },
      { us: 12, spread: 0 },
    ],
  ],
  // 10 % slower, and 1.1 us apart with spreads of 1.2 together: not told apart.
  [
    'holds',
    `${WHERE}: unfused_two_shot_push holds, 12.1 us`,
    [
      { us: 12.1, spread: 0.6 },
      { us: 11, spread: 0.6 },
    ],
  ],
  [
    'moved',
    `${WHERE}: two_shot_push takes 10 us now, the plan's unfused_two_shot_push 12 us: 20 % longer`,
    [
      { us: 12, spread: 0.1 },
      { us: 10, spread: 0.1 },
    ],
  ],
  [
    'slower',
    `${WHERE}: unfused_two_shot_push takes 24 us, and took 12 us when the plan was made`,
    [
      { us: 24, spread: 0.1 },
      { us: 30, spread: 0.1 },
    ],
  ],
  [
    'faster',
    `${WHERE}: unfused_two_shot_push takes 8 us, and took 12 us when the plan was made`,
    [
      { us: 8, spread: 0.1 },
      { us: 9, spread: 0.1 },
    ],
  ],
  [
    'gone',
    `${WHERE}: unfused_two_shot_push cannot run here: no NCCL`,
    [{ refused: 'no NCCL' }, { us: 9, spread: 0.1 }],
  ],
  // A rival that is gone takes nothing from the choice.
  [
    'holds',
    `${WHERE}: unfused_two_shot_push holds, 12 us`,
    [{ us: 12, spread: 0.1 }, { refused: 'no NCCL' }],
  ],
])('%s: %s', (finding, text, fresh) => {
  const verdict = judge(...fresh);
  expect(verdict).toMatchObject({ finding, text });
  expect(hasMoved([verdict])).toBe(finding === 'moved' || finding === 'gone');
});

test('for people: what does not hold first, a line a key, and what to do', () => {
  const moved = judge({ us: 12, spread: 0.1 }, { us: 10, spread: 0.1 });
  const holds = judge({ us: 13, spread: 0.1 }, { us: 17, spread: 0.1 });
  expect(formatLive([moved, holds], ['driver is 2, was 1'], 3)).toBe(
    `the host is not as it was: driver is 2, was 1

moved   ${moved.text}

key                                       sizes  moved  worst loss  time now / planned
all_reduce_rms_norm bf16 x4 replay h4096      2      1      20.0 %              1.08 x

the plan does not hold here any more (no time was left for 3 more: --seconds); run "crossover tune"
`,
  );
  expect(formatLive([holds], [], 0)).toMatch(/\nthe plan holds\n$/);
  const slower = judge({ us: 24, spread: 0.1 }, { us: 30, spread: 0.1 });
  expect(formatLive([slower], [], 0)).toMatch(
    /most take longer than they did: look at the links \("crossover doctor"\)/,
  );
});

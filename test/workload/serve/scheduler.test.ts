/** @file Continuous batching against what each request generates by itself, and against a queue worked out by hand. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkLoad, type LoadRequest } from '../../../dist/workload/serve/load.js';
import { replay } from '../../../dist/workload/serve/replay.js';
import type { StepLimits } from '../../../dist/workload/serve/runner.js';
import { SCHEDULES, type Schedule, Scheduler } from '../../../dist/workload/serve/scheduler.js';
import { serve } from '../../../dist/workload/serve/spmd.js';
import { Tables } from '../../../dist/workload/serve/tables.js';
import { ALONE, SimulatedClock, SimulatedRunner, tokensOf, VOCABULARY } from './simulated.ts';

const LIMITS: fc.Arbitrary<StepLimits> = fc
  .record({
    maxTokens: fc.integer({ min: 1, max: 40 }),
    maxSequences: fc.integer({ min: 1, max: 9 }),
    pageSize: fc.integer({ min: 1, max: 8 }),
    places: fc.integer({ min: 1, max: 40 }),
    spare: fc.integer({ min: 0, max: 30 }),
  })
  // The longest sequence always fits: what does not is refused before.
  .map(({ spare, ...limits }) => ({
    ...limits,
    pages: 1 + Math.ceil(limits.places / limits.pageSize) + spare,
  }));

/** Requests that fit, in the order of arrivals. */
function loads(limits: StepLimits): fc.Arbitrary<LoadRequest[]> {
  const one = fc
    .record({
      gap: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 9, noNaN: true })),
      input: fc.integer({ min: 1, max: limits.places }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      token: fc.integer({ min: 0, max: VOCABULARY - 1 }),
    })
    .map(({ gap, input, share, token }) => ({
      gap,
      prompt: Int32Array.from({ length: input }, (_, i) => (token + i * i) % VOCABULARY),
      output: 1 + Math.floor(share * (limits.places - input)),
    }));
  return fc.array(one, { minLength: 1, maxLength: 25 }).map((all) => {
    let arrival = 0;
    return all.map(({ gap, prompt, output }, id) => {
      arrival += gap;
      return { id, arrival, prompt, output };
    });
  });
}

const CASES = LIMITS.chain((limits) =>
  fc.tuple(fc.constant(limits), loads(limits), fc.constantFrom<Schedule>(...SCHEDULES)),
);

test('every request gets its own tokens, no page is shared, and all are free at the end', () => {
  fc.assert(
    fc.property(CASES, ([limits, requests, schedule]) => {
      checkLoad(requests, limits);
      const scheduler = new Scheduler(limits, schedule);
      const runner = new SimulatedRunner(limits);
      const tables = new Tables(limits);
      const generated = requests.map((): number[] => []);
      const waiting = [...requests];
      const work = requests.reduce((sum, { prompt, output }) => sum + prompt.length + output, 0);
      for (let turn = 0; ; turn++) {
        // Some arrive while others run, in no relation to time.
        for (let n = turn % 3; n > 0 && waiting.length > 0; n--) scheduler.add(waiting.shift()!);
        const step = scheduler.next();
        if (step === undefined) {
          expect(scheduler.waiting + scheduler.running).toBe(0);
          if (waiting.length === 0) break;
          continue;
        }
        for (const { request, token } of scheduler.finish(runner.step(tables.batchOf(step)))) {
          generated[request.id]!.push(token);
        }
        expect(turn).toBeLessThan(3 * (work + requests.length));
      }
      expect(generated).toEqual(requests.map(tokensOf));
      expect(scheduler.freePages).toBe(limits.pages - 1);
      expect(scheduler.next()).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test('against a clock: first tokens come in the order of arrivals and never before, and all tokens are there', async () => {
  await fc.assert(
    fc.asyncProperty(CASES, async ([limits, requests, schedule]) => {
      const clock = new SimulatedClock();
      const runner = new SimulatedRunner(limits, clock, (tokens) => 0.5 + tokens / 16);
      clock.seconds = 1000;
      const times = await serve(ALONE, runner, requests, { schedule, vocabulary: VOCABULARY, clock });
      expect(times.map(({ tokens }) => tokens.length)).toEqual(requests.map(({ output }) => output));
      for (const [i, { arrival, tokens, promptTokens }] of times.entries()) {
        expect(arrival).toBe(requests[i]!.arrival);
        expect(tokens[0]).toBeGreaterThanOrEqual(
          arrival + 0.5 + Math.min(promptTokens, limits.maxTokens) / 16 - 1e-9,
        );
        expect(tokens[0]).toBeGreaterThanOrEqual(times[i - 1]?.tokens[0] ?? 0);
        for (const [n, at] of tokens.entries()) if (n > 0) expect(at).toBeGreaterThan(tokens[n - 1]!);
      }
      // Every token went through one step, but for the last of a request, which is not read again.
      const steps = runner.steps.reduce((sum, { tokens }) => sum + tokens, 0);
      expect(steps).toBe(requests.reduce((sum, { prompt, output }) => sum + prompt.length + output - 1, 0));
    }),
    { numRuns: 200 },
  );
});

test('one sequence at a time is the queue that Lindley wrote down', async () => {
  await fc.assert(
    fc.asyncProperty(
      loads({ maxTokens: 64, maxSequences: 1, pageSize: 4, pages: 9, places: 32 }),
      async (requests) => {
        const limits = { maxTokens: 64, maxSequences: 1, pageSize: 4, pages: 9, places: 32 };
        const clock = new SimulatedClock();
        const runner = new SimulatedRunner(limits, clock, (_, prompt) => (prompt ? 2 : 0.25));
        const times = await serve(ALONE, runner, requests, {
          schedule: 'prompts-first',
          vocabulary: VOCABULARY,
          clock,
        });
        let free = 0;
        for (const [i, { arrival, output }] of requests.entries()) {
          const begin = Math.max(free, arrival);
          free = begin + 2 + 0.25 * (output - 1);
          expect(times[i]!.tokens[0]).toBeCloseTo(begin + 2, 6);
          expect(times[i]!.tokens.at(-1)).toBeCloseTo(free, 6);
        }
      },
    ),
    { numRuns: 100 },
  );
});

function request(id: number, input: number, output: number, arrival = 0): LoadRequest {
  return { id, arrival, prompt: new Int32Array(input).fill(id + 1), output };
}

/** The steps of requests that are all there at the start: how many tokens of each row. */
function stepsOf(requests: readonly LoadRequest[], limits: StepLimits, schedule: Schedule): string[] {
  const scheduler = new Scheduler(limits, schedule);
  for (const one of requests) scheduler.add(one);
  const steps: string[] = [];
  for (let step = scheduler.next(); step !== undefined; step = scheduler.next()) {
    const { rows } = step;
    const counts = [...new Set(rows)].map((row) => `${row}:${rows.filter((one) => one === row).length}`);
    steps.push(`${step.prompt ? 'prompt' : 'output'} ${counts.join(' ')}`);
    scheduler.finish(new Int32Array(step.samples.length));
  }
  return steps;
}

const ROOM = { maxTokens: 8, maxSequences: 4, pageSize: 4, pages: 100, places: 64 };

test('prompts first: several in a step, cut where one is longer; then all outputs together', () => {
  const requests = [request(0, 3, 3), request(1, 10, 2), request(2, 2, 1)];
  expect(stepsOf(requests, ROOM, 'prompts-first')).toEqual([
    'prompt 0:3 1:5',
    'prompt 1:5 2:2',
    'output 0:1 1:1',
    'output 0:1',
  ]);
});

test('mixed: outputs go on beside prompts', () => {
  const requests = [request(0, 3, 4), request(1, 10, 2), request(2, 2, 1)];
  expect(stepsOf(requests, ROOM, 'mixed')).toEqual([
    'prompt 0:3 1:5',
    'prompt 0:1 1:5 2:2',
    'output 0:1 1:1',
    'output 0:1',
  ]);
});

test('nobody passes a request for which there are no pages yet', () => {
  // Two pages of four: the second request needs both, the third would fit beside the first.
  const limits = { ...ROOM, pages: 3 };
  const requests = [request(0, 2, 3), request(1, 6, 2), request(2, 1, 1)];
  expect(stepsOf(requests, limits, 'prompts-first')).toEqual([
    'prompt 0:2',
    'output 0:1',
    'output 0:1',
    'prompt 0:6',
    'output 0:1',
    'prompt 0:1',
  ]);
});

test('what can never be served is refused before anything runs', () => {
  const refused = (one: LoadRequest, limits: StepLimits = ROOM) => expect(() => checkLoad([one], limits));
  refused(request(7, 60, 6)).toThrow(
    'request 7 has 60 tokens and generates 6: 65 places, and a sequence has 64',
  );
  refused(request(7, 60, 5)).not.toThrow();
  refused(request(7, 12, 2), { ...ROOM, pages: 4 }).toThrow('4 pages of 4 places, and there are 3');
  refused(request(7, 12, 1), { ...ROOM, pages: 4 }).not.toThrow();
  refused(request(7, 0, 1)).toThrow('it needs one of each');
});

test('a model that gives no tokens ends the run', async () => {
  const options = { limits: ROOM, schedule: 'mixed' as const, vocabulary: 10, clock: new SimulatedClock() };
  const run = (tokens: number[]) =>
    replay([request(0, 2, 2)], { ...options, step: () => Int32Array.from(tokens) });
  await expect(run([-1])).rejects.toThrow('a step gave token -1, and there are tokens 0 to 9');
  await expect(run([10])).rejects.toThrow('token 10');
  await expect(run([])).rejects.toThrow('a step gave 0 tokens in place of 1');
});

/** @file Whom the watchdog blames, and whom it leaves alone: its rules, on a control block that the test fills in. */
import { beforeEach, describe, expect, test } from 'vitest';
import { RankError } from '../../dist/errors.js';
import { createControl, RANK_STATE, StatusLine } from '../../dist/group/control.js';
import { SITE } from '../../dist/group/group.js';
import { Watchdog } from '../../dist/group/watchdog.js';
import { nameRanks } from '../../dist/group/wording.js';

const BOUND = 10;
let ranks: StatusLine[];
let watchdog: Watchdog;

function group(size: number, bound = BOUND): void {
  const words = createControl(size);
  ranks = Array.from({ length: size }, (_, rank) => new StatusLine(words, rank));
  watchdog = new Watchdog(words, size, bound);
  for (const rank of ranks) rank.setState(RANK_STATE.running);
}

/** What the watchdog says within so many seconds, looking every tenth; `each` runs before each look. */
function lookFor(seconds: number, each: () => void = () => {}): string | undefined {
  for (let i = 0; i <= seconds * 10; i++) {
    each();
    const error = watchdog.look(0.1);
    if (error) return error.message;
  }
  return undefined;
}

beforeEach(() => group(3));

describe('watchdog', () => {
  test('blames a silent rank after the bound, and not the ranks that wait for it', () => {
    ranks[0]!.enter(SITE.barrier);
    ranks[2]!.enter(SITE.gather);
    expect(lookFor(9.9)).toBeUndefined();
    expect(lookFor(0.4)).toMatch(
      /^rank 1 stopped answering: nothing for 10\.\d s after its start; rank 0 waits in barrier #1; rank 2 waits in gather #1$/,
    );
  });

  test('a rank that turns its event loop or calls something is not silent', () => {
    expect(lookFor(50, () => ranks.forEach((rank) => void rank.beat()))).toBeUndefined();
    const step = (): void => {
      for (const rank of ranks) {
        rank.enter(SITE.eager);
        rank.leave();
      }
    };
    expect(lookFor(50, step)).toBeUndefined();
  });

  test('names the rank that is silent for longest, and the others behind it', () => {
    expect(lookFor(2, () => ranks[0]!.beat())).toBeUndefined();
    const error = lookFor(12);
    expect(error).toMatch(/^rank 1 stopped answering: .*; rank 2 too$/);
  });

  test('no bound, no blame', () => {
    group(2, 0);
    ranks[0]!.enter(SITE.barrier);
    expect(lookFor(1000)).toBeUndefined();
  });

  test('a rank that waits for the reader of its output is left alone', () => {
    for (const rank of ranks) rank.setState(RANK_STATE.writing);
    expect(lookFor(100)).toBeUndefined();
  });

  test('a rank may take 30 s to start, whatever the bound', () => {
    ranks[1]!.setState(RANK_STATE.starting);
    const alive = (): void => [ranks[0]!, ranks[2]!].forEach((rank) => void rank.beat());
    expect(lookFor(29, alive)).toBeUndefined();
    expect(lookFor(2, alive)).toMatch(/^rank 1 did not start within 30\.\d s$/);
  });

  test('waiting for a finished rank is futile: soon in a barrier, later in an engine launch', () => {
    ranks[1]!.setState(RANK_STATE.done);
    ranks[2]!.setState(RANK_STATE.done);
    ranks[0]!.enter(SITE.barrier);
    expect(lookFor(0.9)).toBeUndefined();
    expect(lookFor(0.3)).toBe('rank 1 finished while others need it; rank 0 waits in barrier #1');

    group(2);
    ranks[0]!.setState(RANK_STATE.done);
    ranks[1]!.enter(SITE.replay);
    expect(lookFor(4.8)).toBeUndefined();
    expect(lookFor(0.4)).toBe('rank 0 finished while others need it; rank 1 waits in replay #1');
  });

  test('a driver may take 20 s, whatever the bound; those that wait for the rank are not blamed', () => {
    group(3, 4);
    ranks[0]!.enter(SITE.gpu);
    ranks[1]!.enter(SITE.gather);
    ranks[2]!.enter(SITE.gather);
    expect(lookFor(19.8)).toBeUndefined();
    expect(lookFor(0.4)).toMatch(
      /^rank 0 stopped answering: nothing for 20\.\d s in GPU set-up #1; ranks 1, 2 wait in gather #1$/,
    );
    group(1, 30);
    ranks[0]!.enter(SITE.gpu);
    expect(lookFor(29.8)).toBeUndefined();
    expect(lookFor(0.4)).toMatch(/^rank 0 stopped answering: nothing for 30\.\d s in GPU set-up #1$/);
  });

  test('a driver is no peer: it is not in vain that a rank waits for it', () => {
    ranks[0]!.setState(RANK_STATE.done);
    ranks[1]!.setState(RANK_STATE.done);
    ranks[2]!.enter(SITE.gpu);
    expect(lookFor(9)).toBeUndefined();
  });

  test('nobody is blamed while ranks wait for one that awaits something else', () => {
    ranks[0]!.enter(SITE.barrier);
    ranks[1]!.enter(SITE.barrier);
    expect(lookFor(100, () => ranks[2]!.beat())).toBeUndefined();
  });

  test('all wait: in different places it is a mismatch, in one place it takes too long', () => {
    ranks[0]!.enter(SITE.eager);
    ranks[1]!.enter(SITE.barrier);
    ranks[2]!.enter(SITE.barrier);
    expect(lookFor(10.3)).toMatch(
      /^ranks wait for each other for 10\.\d s; rank 0 waits in eager collective #1; ranks 1, 2 wait in barrier #1$/,
    );
    group(2);
    for (const rank of ranks) rank.enter(SITE.replay);
    expect(lookFor(10.3)).toMatch(
      /^every rank has been in replay #1 for 10\.\d s; allow more time if that is expected$/,
    );
  });

  test('only a rank at fault makes it a RankError', () => {
    for (const rank of ranks) rank.enter(SITE.replay);
    for (let i = 0; i < 200; i++) {
      const error = watchdog.look(0.1);
      if (error) expect(error).not.toBeInstanceOf(RankError);
    }
  });
});

test.each([
  [[1], 'rank 1'],
  [[0, 2], 'ranks 0, 2'],
  [[0, 1], 'ranks 0, 1'],
  [[0, 1, 2, 5, 7, 8, 9, 10], 'ranks 0-2, 5, 7-10'],
])('%j is called "%s"', (list, name) => {
  expect(nameRanks(list)).toBe(name);
});

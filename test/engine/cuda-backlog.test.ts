/**
 * @file How far the host may be ahead of its device, on a driver that is played: events are over when the test says so.
 */
import { expect, test } from 'vitest';
import { Backlog } from '../../dist/engine/cuda/backlog.js';
import type { Device } from '../../dist/engine/cuda/device.js';

const NOT_READY = 600;
const CAPTURED_EVENT = 907;

/** Launches are numbered from 1; the device has ended `ended` of them. */
class Played {
  launches = 0;
  ended = 0;
  capturing = false;
  waits = 0;
  destroyed = 0;
  readonly #recorded = new Map<bigint, number | 'captured'>();
  readonly backlog: Backlog;

  constructor() {
    let events = 0n;
    const cuda = {
      eventCreate: (out: BigUint64Array) => {
        out[0] = ++events;
        return 0;
      },
      eventRecord: (event: bigint) => {
        this.#recorded.set(event, this.capturing ? 'captured' : this.launches);
        return 0;
      },
      eventQuery: (event: bigint) => {
        const at = this.#recorded.get(event)!;
        if (at === 'captured') return CAPTURED_EVENT;
        return at <= this.ended ? 0 : NOT_READY;
      },
      eventDestroy: () => {
        this.destroyed++;
        return 0;
      },
      streamIsCapturing: (_stream: bigint, out: Int32Array) => {
        out[0] = this.capturing ? 1 : 0;
        return 0;
      },
    };
    this.backlog = new Backlog({ cuda, stream: 1n } as unknown as Device, (done) => {
      this.waits++;
      while (!done()) this.ended++;
    });
  }

  launch(count: number): void {
    for (let i = 0; i < count; i++) {
      if (!this.capturing) this.launches++;
      this.backlog.add(1);
    }
  }
}

test('the host stays within two periods of its device, and leaves it one', () => {
  const played = new Played();
  let most = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5000; i++) {
    const before = played.waits;
    played.launch(1);
    most = Math.max(most, played.launches - played.ended);
    if (played.waits > before) least = Math.min(least, played.launches - played.ended);
  }
  expect(most).toBe(511);
  expect(least).toBe(256);
});

test('a recording counts with all its launches: no more than two of them are under way', () => {
  const played = new Played();
  for (let i = 0; i < 10; i++) {
    played.launches += 900;
    played.backlog.add(900);
    expect(played.launches - played.ended).toBeLessThanOrEqual(1800);
  }
});

test('a capture that the engine knows nothing of is left alone, and what was recorded before it can be asked for', () => {
  const played = new Played();
  played.launch(300);
  for (let round = 0; round < 20; round++) {
    played.capturing = true;
    played.launch(48);
    played.capturing = false;
    played.launch(100);
  }
  const { waits } = played;
  played.capturing = true;
  played.launch(1000);
  expect(played.waits).toBe(waits);
  played.backlog.close();
  expect(played.destroyed).toBe(2);
});

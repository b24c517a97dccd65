/** @file A probe may crash, hang or answer nonsense: each is told as what it is, and the caller lives. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { probe } from '../../dist/engine/cuda/inspect/probe.js';

const module = fileURLToPath(new URL('./programs/probe.mjs', import.meta.url));
const run = (part: string, request: unknown = null, timeoutMs = 30_000) =>
  probe(part, request, { module, timeoutMs });

test('its answer, whatever libraries print', async () => {
  const seen: string[] = [];
  const request = { gpus: [0, 1], nothing: null };
  const options = { module, timeoutMs: 30_000, onProgress: (at: string) => seen.push(at) };
  expect(await probe('answer', request, options)).toEqual({ ok: true, value: request });
  expect(seen).toEqual(['doing answer']);
});

test('its refusal, in its words', async () => {
  expect(await run('refuse')).toEqual({ ok: false, how: 'refused', reason: 'there is no such library' });
});

test('a crash: the signal, what it was doing, its last words, and what was certain before', async () => {
  expect(await run('crash')).toEqual({
    ok: false,
    how: 'crashed',
    reason: 'it ended with SIGSEGV while doing crash (about to fail)',
    partial: { first: 1 },
  });
});

test('an end without an answer', async () => {
  expect(await run('exit')).toMatchObject({
    how: 'crashed',
    reason: 'it ended with exit code 3 while doing exit',
  });
});

test('a call that does not return is ended in time', async () => {
  const start = performance.now();
  expect(await run('hang', null, 6000)).toEqual({
    ok: false,
    how: 'hung',
    reason: 'no answer in 6 s, while doing hang; it was ended',
    partial: [1, 2],
  });
  expect(performance.now() - start).toBeLessThan(20_000);
});

test('an answer counts also when the process does not end after it', async () => {
  expect(await run('linger')).toEqual({ ok: true, value: 'done' });
});

test('nonsense', async () => {
  expect(await run('garbage')).toMatchObject({ ok: false, how: 'garbled' });
});

test('a part that does not exist, of the real probe', async () => {
  const outcome = await probe('nothing', null, { timeoutMs: 30_000 });
  expect(outcome).toMatchObject({ how: 'refused', reason: 'there is no probe "nothing"' });
});

test('a library that is no library, through the real probe', async () => {
  process.env.CROSSOVER_NCCL = module;
  try {
    const outcome = await probe('nccl', null, { timeoutMs: 30_000 });
    expect(outcome).toMatchObject({ ok: false, how: 'refused', reason: expect.stringContaining(module) });
  } finally {
    delete process.env.CROSSOVER_NCCL;
  }
});

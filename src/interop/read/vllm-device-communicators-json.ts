/**
 * @file Reads what vLLM's benchmark_device_communicators.py writes with --output-json: the same as its table, with all digits.
 */
import { type Sink, shown } from './format.ts';
import { isObject, type Json, type JsonDocument, type JsonObject } from './json-text.ts';
import { dtypeName, elementBytes, fromMilliseconds } from './values.ts';
import { communicatorAlgorithm } from './vllm-device-communicators.ts';

export function isCommunicatorsJson(value: Json): boolean {
  return isObject(value) && isObject(value.results) && 'world_size' in value && 'hidden_size' in value;
}

export function readCommunicatorsJson(document: JsonDocument, sink: Sink): void {
  const root = document.value as JsonObject;
  const dtype = dtypeName(String(root.dtype));
  const row = Number(root.hidden_size) * (elementBytes(dtype) ?? Number.NaN);
  if (!Number.isSafeInteger(row)) {
    const got = `hidden_size ${shown(root.hidden_size)} and dtype ${shown(root.dtype)}`;
    sink.complain(document.line(root), `${got} make no bytes a row; the file is not read`);
    return;
  }
  const worldSize = Number(root.world_size);
  for (const [tokens, result] of Object.entries(root.results as JsonObject)) {
    const timings = isObject(result) ? result.timings : undefined;
    if (!isObject(timings) || !/^\d+$/.test(tokens)) {
      sink.complain(document.line(root.results as JsonObject, tokens), 'no timings of a sequence length');
      continue;
    }
    for (const [name, ms] of Object.entries(timings)) {
      const line = document.line(timings, name);
      if (typeof ms !== 'number') {
        sink.complain(line, `the time of ${name} is no number`);
        continue;
      }
      const algorithm = communicatorAlgorithm(name);
      const bytes = Number(tokens) * row;
      const us = fromMilliseconds(ms);
      sink.measured(
        { operation: 'all_reduce', algorithm, bytes, dtype, worldSize, mode: 'replay', us },
        line,
      );
    }
  }
}

/**
 * @file The published JSON Schema.
 */
import { expect, it } from 'vitest';
import { planJsonSchema } from '../../dist/plan/schema.js';
import { samplePlan } from './samples.ts';

it('names every field of a plan, and refuses others', () => {
  const schema = planJsonSchema() as {
    $schema: string;
    properties: Record<string, unknown>;
    required: string[];
  };
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'crossover plan',
    type: 'object',
    additionalProperties: false,
  });
  expect(Object.keys(schema.properties)).toEqual(Object.keys(samplePlan()));
  expect(schema.required).toEqual(Object.keys(samplePlan()).filter((name) => name !== 'regret'));
});

it('is plain JSON that says what ranges hold', () => {
  const text = JSON.stringify(planJsonSchema());
  const schema = JSON.parse(text);
  expect(schema.properties.schema.const).toBe(1);
  const range = schema.properties.entries.items.properties.ranges.items;
  expect(range.required).toEqual(['from', 'to', 'algorithm', 'tunables', 'at', 'us', 'spread']);
  expect(range.properties.from).toMatchObject({ type: 'integer', minimum: 0 });
  expect(range.properties.to.anyOf).toContainEqual({ type: 'null' });
});

/**
 * @file The public API, and nothing else.
 */
export { Communicator } from './collective/communicator.ts';
export type { AllReduceOptions, ExplainOptions, Override, ReduceScatterOptions } from './collective/communicator.ts';
export { type CommunicatorOptions, createCommunicator } from './collective/create.ts';
export type { NormOperands } from './collective/fused.ts';

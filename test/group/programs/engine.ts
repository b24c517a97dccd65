/** Asks for a communicator of the CPU engine. */
import { createCommunicator } from '../../../dist/index.js';
import type { Group } from '../../../src/group/group.ts';

export default function engine(group: Group): void {
  createCommunicator(group, { engine: 'cpu', plan: null }).close();
}

/**
 * @file A peer went away while a rank waited for it. It is the peer that is at fault, not the rank that throws this.
 */
import { RankError } from '../errors.ts';

export class LostPeer extends RankError {}

import type { Site } from '../site.ts';

/** Translates a node. @throws NotUnderstood for a use that it has no translation for */
export type Row = (site: Site) => void;

/**
 * @file Why the system refused, in a few words.
 */

/** `ENOENT: no such file or directory`, without the call and the path that Node adds. */
export function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split(', ', 1)[0]!.replace(/\s+/g, ' ');
}

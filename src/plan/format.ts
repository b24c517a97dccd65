/**
 * @file JSON for people: what fits on a line stays on it, so that a range or a measured point is one line of a diff.
 */

const WIDTH = 160;

/** Formats a JSON value, indented by two spaces, with a newline at the end. The same value gives the same text. */
export function formatJson(value: unknown): string {
  return `${layout(value, 0, 0)}\n`;
}

/** `lead` is how many characters stand on the line before the value: its indent, and its name. */
function layout(value: unknown, indent: number, lead: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  // One character is left for the comma behind it.
  const flat = oneLine(value, WIDTH - lead - 1);
  if (flat !== undefined) return flat;
  const inner = ' '.repeat(indent + 2);
  const list = Array.isArray(value);
  const items = list
    ? value.map((item) => inner + layout(item, indent + 2, indent + 2))
    : members(value).map(([name, item]) => {
        const label = `${inner}${JSON.stringify(name)}: `;
        return label + layout(item, indent + 2, label.length);
      });
  const body = `\n${items.join(',\n')}\n${' '.repeat(indent)}`;
  return list ? `[${body}]` : `{${body}}`;
}

/** The value on one line, or undefined when it takes more than `room` characters. Gives up early: most of a plan is not one line. */
function oneLine(value: unknown, room: number): string | undefined {
  if (typeof value !== 'object' || value === null) {
    const text = JSON.stringify(value);
    return text.length <= room ? text : undefined;
  }
  const list = Array.isArray(value);
  const parts: string[] = [];
  // Brackets and the spaces inside them.
  let left = room - (list ? 2 : 4);
  for (const [name, item] of members(value)) {
    const label = list ? '' : `${JSON.stringify(name)}: `;
    const text = oneLine(item, left - label.length);
    if (text === undefined) return undefined;
    parts.push(label + text);
    left -= label.length + text.length + 2;
  }
  if (list) return `[${parts.join(', ')}]`;
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

/** Names and values, without those that are undefined: JSON has none. */
function members(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, item]) => item !== undefined);
}

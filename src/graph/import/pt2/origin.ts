/**
 * @file Where a node stands in the model, from the stack of modules that torch.export writes beside it:
 * `L__self__,,Model;L__self___layers_0,layers.0,Block`, outermost first, each with a key, a path and a class.
 */

/** The path of the innermost module: `model.layers.0.self_attn`; empty for the model itself and where nothing is known. */
export function originOf(moduleStack: string): string {
  const innermost = moduleStack.slice(moduleStack.lastIndexOf(';') + 1);
  const first = innermost.indexOf(',');
  const last = innermost.lastIndexOf(',');
  // In between stands the path, which may have commas of its own: getattr(L['self'].layers, '0').
  return first < 0 || last <= first ? '' : readable(innermost.slice(first + 1, last));
}

function readable(path: string): string {
  let text = path;
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replace(/getattr\(([^(),]*), '([^']*)'\)/g, '$1.$2');
  }
  return text
    .replace(/\._modules\[['"]([^'"]*)['"]\]/g, '.$1')
    .replace(/^(?:L\[['"]self['"]\]|L__self__|self)(?:\.|$)/, '')
    .replace(/\[['"]?([^\]'"]*)['"]?\]/g, '.$1')
    .replace(/\s+/g, ' ');
}

/**
 * @file What bench/gpu.mjs wrote, as Markdown: a row a size, ours beside the fastest peer, and how it was measured.
 *
 *   node scripts/gpu-table.mjs [--operations all_reduce,...] [--write FILE.md] RESULTS.json...
 *
 * It is printed, or put between the marks in FILE.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const BEGIN = '<!-- gpu-table: begin -->';
const END = '<!-- gpu-table: end -->';
const KIB = 1 << 10;
const MIB = 1 << 20;
const HEADS = ['size', 'ours, us', 'algorithm', 'fastest peer, us', 'peer', 'ours / peer'];

const { values: options, positionals: files } = parseArgs({
  options: { operations: { type: 'string' }, write: { type: 'string' } },
  allowPositionals: true,
});
if (files.length === 0) {
  console.error(
    'usage: node scripts/gpu-table.mjs [--operations all_reduce,...] [--write FILE.md] RESULTS.json...',
  );
  process.exit(1);
}
const text = files
  .map((path) => markdown(JSON.parse(readFileSync(path, 'utf8')), options.operations?.split(',')))
  .join('\n\n');
if (options.write) writeFileSync(options.write, insert(readFileSync(options.write, 'utf8'), text));
else console.log(text);

/** One file of results; all of its operations where none are named. Peers' figures that are not from that run are marked with r. */
function markdown(result, operations) {
  const rows = result.rows.filter(({ operation }) => operations?.includes(operation) ?? true);
  const { command, date, gpus, fingerprint, versions, peers, linkGBs, failures } = result;
  const titles = [...new Set(rows.map(titleOf))];
  const tables = titles.map((title) =>
    [
      `**${gpus} GPUs, ${title}**`,
      '',
      line(HEADS),
      line(HEADS.map(() => '---')),
      ...rows.filter((row) => titleOf(row) === title).map((row) => line(cellsOf(row))),
    ].join('\n'),
  );
  const judged = rows.filter(({ met }) => typeof met === 'boolean');
  const software = [
    fingerprint?.device?.driver && `driver ${fingerprint.device.driver}`,
    peers && `torch ${peers.torch}, NCCL ${peers.nccl}`,
    `crossover ${versions.crossover}`,
    `Node ${versions.node}`,
  ].filter(Boolean);
  const about = [
    `${gpus} x ${peers?.device ?? fingerprint?.device?.name ?? fingerprint?.engine ?? 'unknown'}, ${software.join(', ')}, ${date.slice(0, 10)}, \`${command}\`.`,
    linkGBs && `Links: ${Math.round(linkGBs)} GB/s out of each GPU.`,
    rows.some(({ bestPeer }) => bestPeer?.recorded) && 'r: a recorded figure, not of this run.',
    judged.length > 0 && `${judged.filter(({ met }) => met).length} of ${judged.length} targets met.`,
    failures?.length > 0 && `Not timed: ${failures.join('; ')}.`,
  ].filter(Boolean);
  return [...tables, about.join(' ')].join('\n\n');
}

/** A text with what is between its marks replaced. */
function insert(text, table) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the file has no "${BEGIN}" and "${END}" behind it`);
  return `${text.slice(0, begin + BEGIN.length)}\n${table}\n${text.slice(end)}`;
}

function titleOf({ operation, hidden, quantization }) {
  return hidden ? `${operation}, hidden ${hidden}, output ${quantization}` : operation;
}

function cellsOf({ bytes, us, algorithm, bestPeer, ratio }) {
  return [
    size(bytes),
    us === undefined ? '-' : digits(us),
    algorithm ?? '-',
    bestPeer === undefined ? '-' : `${digits(bestPeer.us)}${bestPeer.recorded ? 'r' : ''}`,
    bestPeer?.peer ?? '-',
    ratio === undefined ? '-' : ratio.toFixed(2),
  ];
}

function line(cells) {
  return `| ${cells.join(' | ')} |`;
}

function size(bytes) {
  return bytes >= MIB ? `${bytes / MIB} MiB` : `${bytes / KIB} KiB`;
}

/** Three significant digits, and no fewer before the point. */
function digits(us) {
  return us >= 100 ? us.toFixed(0) : us.toPrecision(3);
}

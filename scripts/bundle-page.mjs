/**
 * @file Bundles the script of the report's page, ECharts included, into one file that the page carries inside: bundle-page.mjs OUTPUT.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';

const output = process.argv[2];
const bundle = await rolldown({
  input: './src/report/page/client/main.ts',
  platform: 'browser',
  tsconfig: 'tsconfig.page.json',
  transform: { define: { 'process.env.NODE_ENV': '"production"' } },
});
const { output: chunks } = await bundle.generate({ format: 'iife', minify: true, comments: false });
await bundle.close();
if (chunks.length !== 1) throw new Error(`the page's script has ${chunks.length} parts, must be one`);

// What is passed on inside every report says whose it is.
const notices = [
  readFileSync('node_modules/echarts/NOTICE', 'utf8'),
  'ECharts is licensed under the Apache License 2.0, http://www.apache.org/licenses/LICENSE-2.0, and contains parts of d3 (BSD 3-Clause, Copyright 2010-2017 Mike Bostock). zrender:',
  readFileSync('node_modules/zrender/LICENSE', 'utf8'),
];
const text = `/*!\n${notices.map((notice) => notice.trim().replaceAll('*/', '* /')).join('\n\n')}\n*/\n${chunks[0].code}`;
writeFileSync(output, text);
console.error(`bundle-page: ${text.length} bytes`);

/**
 * @file Runs the command line again and again in one process: most of what a short command takes is to load it. Each message is the arguments, the folder and
 * the environment of one command, and is answered with its output and exit code. For commands that end without threads or handles of their own.
 */
const MAIN = new URL('../../dist/cli/main.js', import.meta.url);
const inherited = { ...process.env };
// The command line listens to its output once a command.
process.stdout.setMaxListeners(0);

let count = 0;
let last = Promise.resolve();

process.on('message', (command) => {
  last = last.then(() => run(command)).then((ended) => process.send(ended));
});

async function run({ args, cwd, env }) {
  const written = { out: '', error: '' };
  const put = (name) => (text, encoding, done) => {
    written[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
    const callback = typeof encoding === 'function' ? encoding : done;
    if (callback) queueMicrotask(() => callback());
    return true;
  };
  process.stdout.write = put('out');
  process.stderr.write = put('error');
  for (const name of Object.keys(process.env)) if (!(name in inherited)) delete process.env[name];
  Object.assign(process.env, inherited, env);
  process.chdir(cwd);
  process.argv = [process.argv[0], MAIN.pathname, ...args];
  process.exitCode = undefined;
  // Under another address it is another module: it runs again, and what it imports is there already.
  await import(`${MAIN.href}?${count++}`);
  const code = process.exitCode ?? 0;
  process.exitCode = undefined;
  return { code, signal: null, ...written };
}

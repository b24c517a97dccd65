/** @file A probe that behaves as it is told: `probe.mjs <part> <request>`, as dist/engine/cuda/inspect/probe-child.js is called. */
const [part, request] = process.argv.slice(2);
const send = (message) => process.send(message);
send({ at: `doing ${part}` });
switch (part) {
  case 'answer':
    console.log('a library prints this: {"result": "not this"}');
    process.send({ result: JSON.parse(request) }, () => process.exit(0));
    break;
  case 'refuse':
    process.send({ error: 'there is no such library' }, () => process.exit(0));
    break;
  case 'crash':
    send({ partial: { first: 1 } });
    console.error('about to fail');
    process.kill(process.pid, 'SIGSEGV');
    break;
  case 'exit':
    process.exit(3);
    break;
  case 'hang':
    send({ partial: [1, 2] });
    // Not an event loop that waits: a call that does not return.
    for (;;);
  case 'linger':
    process.send({ result: 'done' }, () => {
      for (;;);
    });
    break;
  case 'garbage':
    process.send('\u0000\u0001 garbage', () => process.exit(0));
    break;
}

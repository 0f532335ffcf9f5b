const { writeApp } = await import('../conformance/functions-host.harness.ts');
const { spawn } = await import('node:child_process');
const { connect } = await import('node:net');
const { dir, remove } = writeApp(
  {
    'main.cjs': `require('@azure/functions').app.http('hello', { methods: ['GET'], handler: () => ({ body: 'hello' }) });`,
  },
  { logging: { logLevel: { default: 'Warning' } } },
);
const port = 29555;
const child = spawn(
  process.execPath,
  [
    '--cpu-prof',
    '--cpu-prof-dir=/tmp/prof',
    '--max-semi-space-size=16',
    'local/functions-host/main.ts',
    '--app',
    dir,
    '--port',
    String(port),
    '--data',
    '/tmp/zzdata',
  ],
  { stdio: 'inherit' },
);
await new Promise((r) => setTimeout(r, 1500));
const H = Buffer.from('hello');
let n = 0;
const end = Date.now() + 6000;
await Promise.all(
  Array.from(
    { length: 32 },
    () =>
      new Promise((res) => {
        const s = connect(port, '127.0.0.1');
        const rq = Buffer.from('GET /api/hello HTTP/1.1\r\nhost: localhost\r\n\r\n');
        s.on('connect', () => s.write(rq));
        s.on('data', (c) => {
          if (!c.subarray(-5).equals(H)) return;
          n++;
          if (Date.now() < end) s.write(rq);
          else {
            s.destroy();
            res();
          }
        });
      }),
  ),
);
console.log(n / 6);
child.kill('SIGTERM');
await new Promise((r) => child.once('exit', r));
remove();

const { writeApp } = await import('../conformance/functions-host.harness.ts');
const { spawn } = await import('node:child_process');
const { readFileSync } = await import('node:fs');
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
    ...process.argv.slice(2),
    'local/functions-host/main.ts',
    '--app',
    dir,
    '--port',
    String(port),
    '--data',
    '/tmp/zzdata',
  ],
  { stdio: 'ignore' },
);
await new Promise((r) => setTimeout(r, 1500));
const cpu = () => {
  const f = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return [f[11] * 10, f[12] * 10];
};
const H = Buffer.from('hello');
const go = async (secs) => {
  let n = 0;
  const end = Date.now() + secs * 1000;
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
  return n;
};
await go(2);
const a = cpu();
const n = await go(5);
const b = cpu();
console.log(
  process.argv.slice(2).join(' '),
  'req/s',
  n / 5,
  'user µs/req',
  (((b[0] - a[0]) * 1000) / n).toFixed(0),
  'sys',
  (((b[1] - a[1]) * 1000) / n).toFixed(0),
  readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/VmRSS.*/)[0],
);
child.kill('SIGTERM');
await new Promise((r) => child.once('exit', r));
remove();

const { writeApp } = await import('../conformance/functions-host.harness.ts');
const { spawn } = await import('node:child_process');
const { readFileSync, rmSync } = await import('node:fs');
const { dir, remove } = writeApp(
  {
    'main.cjs': `const df = require('durable-functions');
require('@azure/functions').app.http('hello', { methods: ['GET'], handler: () => ({ body: 'hello' }) });
df.app.activity('step', { handler: (input) => input });
df.app.orchestration('six', function* (context) { for (let i = 0; i < 6; i++) yield context.df.callActivity('step', { i }); return 'done'; });`,
  },
  { logging: { logLevel: { default: 'Warning' } } },
);
const port = 29556;
rmSync('/tmp/zzdata2', { recursive: true, force: true });
const child = spawn(
  process.execPath,
  [
    ...process.argv.slice(2),
    '--max-semi-space-size=4',
    'local/functions-host/main.ts',
    '--app',
    dir,
    '--port',
    String(port),
    '--data',
    '/tmp/zzdata2',
  ],
  { stdio: 'ignore' },
);
await new Promise((r) => setTimeout(r, 2000));
const key = JSON.parse(readFileSync('/tmp/zzdata2/keys.json', 'utf8')).system.durabletask_extension;
const base = `http://127.0.0.1:${port}/runtime/webhooks/durabletask`;
const times = [];
for (let i = 0; i < 230; i++) {
  const b = performance.now();
  await (
    await fetch(`${base}/orchestrators/six/i${i}?code=${key}`, { method: 'POST', body: '{}' })
  ).arrayBuffer();
  for (;;) {
    const a = await fetch(`${base}/instances/i${i}?code=${key}`);
    await a.arrayBuffer();
    if (a.status === 200) break;
    await new Promise((r) => setTimeout(r, 2));
  }
  if (i >= 30) times.push(performance.now() - b);
}
times.sort((a, b) => a - b);
console.log('p50', times[100].toFixed(1), 'p99', times[198].toFixed(1));
child.kill('SIGTERM');
await new Promise((r) => child.once('exit', r));
remove();

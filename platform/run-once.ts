/** Runs a module in its own process, so its memory is freed when it ends. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * @param told is called with the messages that the process sends
 * @throws Error with its output on stderr when it fails
 */
export async function runOnce(
  module: string,
  args: readonly string[],
  told: (text: string) => void = () => undefined,
): Promise<void> {
  const child = fork(module, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  child.on('message', ({ text }: { text: string }) => told(text));
  let words = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(words.trim() || `${module} ended with exit code ${code}`);
}

/**
 * Detects a process that hangs: its port accepts connections, because the kernel does, but no answer arrives.
 *
 * L1 An HTTP answer of any status is a sign of life.
 * L2 A process is reported once, after `hangMs` without an answer to at least three requests: neither a sleeping machine nor a
 *    parent that was stopped itself is a reason.
 */
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface LivenessOptions {
  /** Port of a listener on loopback that answers HTTP. */
  readonly port: number;
  readonly hangMs: number;
  readonly hung: () => void;
}

const QUESTIONS = 3;

/** Sends requests until it has reported the process or is disposed of. */
export function watchLiveness({ port, hangMs, hung }: LivenessOptions): Disposable {
  const stopping = new AbortController();
  const every = hangMs / (2 * QUESTIONS);
  const watch = async () => {
    let lastAnswer = performance.now();
    let unanswered = 0;
    while (!stopping.signal.aborted) {
      await pause(every, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      if (await answers(port, hangMs / QUESTIONS)) {
        lastAnswer = performance.now();
        unanswered = 0;
      } else if (++unanswered >= QUESTIONS && performance.now() - lastAnswer >= hangMs) {
        if (!stopping.signal.aborted) hung();
        return;
      }
    }
  };
  void watch();
  return { [Symbol.dispose]: () => stopping.abort() };
}

function answers(port: number, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    const question = get({ host: '127.0.0.1', port, path: '/', agent: false, timeout }, (response) => {
      response.resume();
      resolve(true);
    });
    question.on('timeout', () => question.destroy(new Error('no answer')));
    question.on('error', () => resolve(false));
  });
}

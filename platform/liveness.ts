/**
 * Notices a process that hangs: its port takes connections, as the kernel does for it, but no answer comes.
 *
 * L1 Any HTTP answer is a sign of life, whatever its status.
 * L2 A process is reported once, after `hangMs` without an answer in which at least three questions were asked: a machine that slept,
 *    or a parent that was stopped itself, is no reason.
 */
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface LivenessOptions {
  /** Of a listener on loopback that answers HTTP. */
  readonly port: number;
  readonly hangMs: number;
  readonly hung: () => void;
}

const QUESTIONS = 3;

/** Asks until it has reported or is disposed of. */
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

/** The library's actions (durable-functions, lib/src/actions), and the result of a replay. */
import type { HistoryEvent } from './history.ts';
import type { RetryOptions } from './retries.ts';

/** An action as the library returns it. */
export interface Action {
  readonly actionType: number;
  readonly functionName?: string;
  readonly input?: unknown;
  readonly instanceId?: string;
  readonly retryOptions?: RetryOptions;
  readonly fireAt?: string;
  readonly isCanceled?: boolean;
  readonly externalEventName?: string;
  readonly operation?: string;
  readonly httpRequest?: HttpAction;
  readonly compoundActions?: readonly Action[];
  readonly lockSet?: readonly { readonly name: string; readonly key: string }[];
  readonly lockRequestId?: string;
}

export interface HttpAction {
  readonly method: string;
  readonly uri: string;
  readonly content?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly asynchronousPatternEnabled?: boolean;
}

/** durable-functions, lib/src/actions/ActionType.js */
export const Kind = {
  CallActivity: 0,
  CallActivityWithRetry: 1,
  CallSubOrchestrator: 2,
  CallSubOrchestratorWithRetry: 3,
  ContinueAsNew: 4,
  CreateTimer: 5,
  WaitForExternalEvent: 6,
  CallEntity: 7,
  CallHttp: 8,
  SignalEntity: 9,
  ScheduledSignal: 10,
  WhenAny: 11,
  WhenAll: 12,
  LockEntities: 13,
  ReleaseEntities: 14,
} as const;

/** The orchestrator asks for the impossible: actions that differ from the history, or an unknown one. Its instance fails. */
export class ReplayError extends Error {}

/** Work that is scheduled for the first time; `input` is JSON text beside the event. */
export interface Scheduled {
  readonly event: HistoryEvent;
  readonly input: string | null;
}

export interface ReplayResult {
  readonly scheduled: readonly Scheduled[];
  /** Timers that the orchestrator cancelled and that may still be waiting. */
  readonly cancelled: readonly number[];
  /** All requested work is finished, and nothing is open. */
  readonly isSettled: boolean;
  /** JSON text of the next generation's input; undefined without continueAsNew. */
  readonly next?: { readonly input: string | null; readonly carried: readonly HistoryEvent[] };
  /** The last failure of a retry that ran out of time before its attempts: the library waits for it forever. */
  readonly stuck?: string;
}

export interface ReplayInput {
  readonly id: string;
  readonly execution: string;
  readonly chunks: readonly { readonly actions: number; readonly events: readonly HistoryEvent[] }[];
  readonly actions: readonly Action[];
}

/** Actions as the library returns them (durable-functions, lib/src/actions), and what a replay makes of them. */
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

/** The orchestrator asks for what cannot be: other actions than before, or an unknown one. Its instance fails. */
export class ReplayError extends Error {}

/** What is scheduled now for the first time; `input` is JSON text and travels beside the event. */
export interface Scheduled {
  readonly event: HistoryEvent;
  readonly input: string | null;
}

export interface ReplayResult {
  readonly scheduled: readonly Scheduled[];
  /** Timers that the orchestrator cancelled and that may still be waiting. */
  readonly cancelled: readonly number[];
  /** Nothing that was asked for is unfinished, and nothing is open. */
  readonly isSettled: boolean;
  /** JSON text of the next generation's input; undefined without continueAsNew. */
  readonly next?: { readonly input: string | null; readonly carried: readonly HistoryEvent[] };
  /** A retry whose time ran out before its attempts: the library waits for ever. The failure it ended with. */
  readonly stuck?: string;
}

export interface ReplayInput {
  readonly id: string;
  readonly execution: string;
  readonly chunks: readonly { readonly actions: number; readonly events: readonly HistoryEvent[] }[];
  readonly actions: readonly Action[];
}

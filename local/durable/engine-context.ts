/** The context that the parts of the engine share: the store, the app, and functions that start work. */
import type { DurableOptions, FunctionDefinition } from '../functions-host/contract.ts';
import type { HistoryEvent } from './history.ts';
import type { ActivityRow, MessageRow } from './rows.ts';
import type { Store } from './store.ts';
import type { Workers } from './workers.ts';

export type TriggerKind = 'orchestration' | 'activity' | 'entity';

/** How an activity ended. */
export interface Result {
  readonly row: ActivityRow;
  readonly event: HistoryEvent;
}

/** `wake`, `wakeAt` and `begin` only start work that is already in the store; losing them loses nothing. */
export interface EngineContext {
  readonly store: Store;
  readonly options: DurableOptions;
  readonly now: () => number;
  readonly workers: Pick<Workers, 'me' | 'pick'>;
  /** The worker for an activity with `before` others ahead of it: this one, or (null) any with a free place. */
  place(before: number): string | null;
  /** Instances or entities that have messages. */
  wake(id: string): void;
  /** A message becomes due then; milliseconds since the epoch. */
  wakeAt(due: number): void;
  begin(row: ActivityRow): void;
  /** The result of an activity, for the next episode of its orchestration in this process. */
  hand(result: Result): void;
  handed(id: string): readonly Result[];
  /** They are recorded. */
  taken(rows: readonly MessageRow[]): void;
}

/** Another process has taken the work over: this one's result is discarded. */
export class LeftToAnother extends Error {}

/** The function of that kind and name, in upper or lower case. */
export function find(core: EngineContext, kind: TriggerKind, name: string): FunctionDefinition | undefined {
  const exact = core.options.app.functions.get(name);
  if (exact && isOf(exact, kind)) return exact;
  for (const definition of core.options.app.functions.values()) {
    if (isOf(definition, kind) && definition.name.toLowerCase() === name.toLowerCase()) return definition;
  }
  return undefined;
}

function isOf(definition: FunctionDefinition, kind: TriggerKind): boolean {
  return definition.trigger.type.toLowerCase() === `${kind}trigger`;
}

/** The real host's text for an unknown function. */
export function unknownFunction(core: EngineContext, kind: TriggerKind, name: string): string {
  const word = kind === 'orchestration' ? 'orchestrator' : kind;
  const known = [...core.options.app.functions.values()]
    .filter((definition) => isOf(definition, kind))
    .map((definition) => `'${definition.name}'`)
    .toSorted();
  const list =
    known.length === 0
      ? `No ${word} functions are currently registered!`
      : `The following are the known ${word} functions: ${known.join(', ')}.`;
  return `The function '${name}' doesn't exist, is disabled, or is not an ${word} function. Additional info: ${list}`;
}

/** Whether the id is that of an entity. */
export const RESERVED_ID = 'Orchestration instance ids must not start with @';

/** Work that failed, because of a disk that is full for example, is tried again after so long. */
export const RETRY_MS = 1_000;

export const LOG_CATEGORY = 'Host.Triggers.DurableTask';

/** What the trigger of an orchestration is handed: its history and what it is called with. */
import type { Invocation, RpcTypedData } from '../functions-host/contract.ts';
import { EventType, type HistoryEvent } from './history.ts';
import type { InstanceRow } from './rows.ts';
import { parentOf } from './store.ts';
import { asIs } from './values.ts';

/** Schema 3 is V4, which has entity locks (Azure/azure-functions-durable-extension 3.14). */
export const ORCHESTRATION_INPUT = {
  upperSchemaVersion: 1,
  upperSchemaVersionNew: 3,
  longRunningTimerIntervalDuration: '3.00:00:00',
  maximumShortTimerDuration: '6.00:00:00',
  defaultHttpAsyncRequestSleepTimeMillseconds: 30_000,
};
/**
 * `isAlone`: nothing but the library sees it. Then it is spared what takes it a tenth of an orchestration's time, to look through the whole
 * history for dates: that is not enumerable, its events are the engine's own, and those whose time the library reads have it as a Date.
 */
export function orchestrationInput(
  instance: InstanceRow,
  history: readonly HistoryEvent[],
  trigger: string,
  isAlone: boolean,
): Pick<Invocation, 'inputs' | 'triggerMetadata'> {
  const started = history.find(({ EventType: type }) => type === EventType.ExecutionStarted);
  const own = {
    input: started?.Input ? (JSON.parse(started.Input) as unknown) : null,
    instanceId: instance.id,
    isReplaying: started?.IsPlayed ?? false,
    parentInstanceId: parentOf(instance)?.id ?? null,
  };
  const input = { ...own, ...ORCHESTRATION_INPUT };
  const value = isAlone
    ? Object.defineProperty({ ...input }, 'history', { value: history.map(dated) })
    : { history: history.map((event) => ({ ...event })), ...input };
  return {
    inputs: [{ name: trigger, data: asIs(value) }],
    triggerMetadata: { ...metadataOf(own), ...CONSTANT, [trigger]: asIs({}) },
  };
}

/** The library hands these times to orchestrators, who may change them. */
function dated(event: HistoryEvent): object {
  return event.EventType === EventType.OrchestratorStarted
    ? { ...event, Timestamp: new Date(event.Timestamp) }
    : event;
}

const CONSTANT = metadataOf(ORCHESTRATION_INPUT);

/** Binding data: what a real host hands over beside the value, without the history. */
function metadataOf(fields: Readonly<Record<string, unknown>>): Record<string, RpcTypedData> {
  const metadata: Record<string, RpcTypedData> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== null) metadata[name] = asIs(value);
  return metadata;
}

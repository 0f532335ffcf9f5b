/** Makes the trigger input of an orchestration: its history and its input. */
import type { Invocation, RpcTypedData } from '../functions-host/contract.ts';
import { EventType, type HistoryEvent } from './history.ts';
import type { InstanceRow } from './rows.ts';
import { parentOf } from './store.ts';
import { asIs } from './values.ts';

/** Schema 3 is V4, which has entity locks (Azure/azure-functions-durable-extension 3.14). */
const ORCHESTRATION_INPUT = {
  upperSchemaVersion: 1,
  upperSchemaVersionNew: 3,
  longRunningTimerIntervalDuration: '3.00:00:00',
  maximumShortTimerDuration: '6.00:00:00',
  defaultHttpAsyncRequestSleepTimeMillseconds: 30_000,
};
/**
 * @param isAlone only the library sees the input. It then need not search the whole history for dates, a tenth of an orchestration's
 * time: the history is not enumerable, its events are the engine's own, and the times that the library reads are already Dates.
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

/** The library passes these times to orchestrators, which may change them. */
function dated(event: HistoryEvent): object {
  return event.EventType === EventType.OrchestratorStarted
    ? { ...event, Timestamp: new Date(event.Timestamp) }
    : event;
}

const CONSTANT = metadataOf(ORCHESTRATION_INPUT);

/** Binding data: the data that a real host passes beside the value, without the history. */
function metadataOf(fields: Readonly<Record<string, unknown>>): Record<string, RpcTypedData> {
  const metadata: Record<string, RpcTypedData> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== null) metadata[name] = asIs(value);
  return metadata;
}

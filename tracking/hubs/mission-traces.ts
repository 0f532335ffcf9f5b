/** The traces in which missions were given out: the flight events of a mission go on with its trace. */
import { type TraceContext, traceContextOf } from '../../shared/telemetry/trace-context.ts';
import type { HubMessage } from '../ports.ts';

export interface MissionTraces {
  readonly remember: (missionId: string, command: Pick<HubMessage, 'properties'>) => void;
  /** Null where the mission came without a trace, or is forgotten. */
  readonly of: (missionId: string | undefined) => TraceContext | null;
}

/** More than the missions under way; the oldest is forgotten. */
const MAX_REMEMBERED = 20_000;

export function createMissionTraces(most = MAX_REMEMBERED): MissionTraces {
  const traces = new Map<string, TraceContext>();
  return {
    remember: (missionId, { properties }) => {
      const trace = traceContextOf((name) => properties[name]);
      if (!trace.traceparent || traces.has(missionId)) return;
      traces.set(missionId, trace);
      if (traces.size > most) traces.delete(traces.keys().next().value as string);
    },
    of: (missionId) => (missionId === undefined ? null : (traces.get(missionId) ?? null)),
  };
}

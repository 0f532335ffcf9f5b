/** A frame that is serialized once for all its receivers. */
import type { FleetFrame, WatchFrame } from '../../shared/contracts/flight.ts';

export interface Encoded {
  readonly json: Buffer;
  readonly sse: Buffer;
}

/** Makes the two forms on demand. @param id SSE's last event id; only frames from which a client can resume have one */
export function encode(frame: WatchFrame | FleetFrame, id?: number): Encoded {
  const text = JSON.stringify(frame);
  let json: Buffer | undefined;
  let sse: Buffer | undefined;
  return {
    get json() {
      json ??= Buffer.from(text);
      return json;
    },
    get sse() {
      sse ??= Buffer.from(id === undefined ? `data: ${text}\n\n` : `id: ${id}\ndata: ${text}\n\n`);
      return sse;
    },
  };
}

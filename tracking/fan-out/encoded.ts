/** A frame, written out once for all who get it. */
import type { FleetFrame, WatchFrame } from '../../shared/contracts/flight.ts';

export interface Encoded {
  readonly json: Buffer;
  readonly sse: Buffer;
}

/** The two forms are made when first asked for. `id`: SSE's last event id; only frames that are resumed by it carry one. */
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

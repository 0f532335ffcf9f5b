/**
 * Who may do what at tracking: its routes, streams, sockets and tickets. The letters and callers are those of matrix-table.ts. The
 * first letter is for contoso's delivery (or drone-1), the second for tailwind's (or drone-2). A row with `?ticket` is a stream that is
 * opened with a ticket which the caller has asked for.
 */
import { type Row, rowsOf } from './matrix-table.ts';

/** Open to everyone: they say nothing about a delivery, a drone or an account. */
export const OPEN = ['GET /healthz', 'GET /servingz', 'GET /readyz', 'GET /metrics'] as const;

const TABLE = `
                                   alice adam tara tom lost olivia drone courier rival service forC forT
WS /telemetry                      RR    RR   RR   RR  RR   RR     ++    RR      RR    RR      RR   RR
POST /telemetry                    RR    RR   RR   RR  RR   RR     +R    RR      RR    RR      RR   RR
POST /tickets{deliveryId}          +-    +-   -+   -+  --   ++     --    --      --    --      --   --
POST /tickets{fleet}               RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
SSE /track/{deliveryId}            +-    +-   -+   -+  --   ++     --    --      --    --      --   --
SSE /track/{deliveryId}?ticket     +-    +-   -+   -+  --   ++     --    --      --    --      --   --
WS /track/{deliveryId}             +-    +-   -+   -+  --   ++     --    --      --    --      --   --
WS /track/{deliveryId}?ticket      +-    +-   -+   -+  --   ++     --    --      --    --      --   --
SSE /fleet                         RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
SSE /fleet?ticket                  RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
WS /fleet                          RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
WS /fleet?ticket                   RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
`;

export const STREAMS: ReadonlyMap<string, Row> = rowsOf(TABLE, /^(WS|SSE|POST) /);

/**
 * Who may do what. A pair of letters per caller: the first for what belongs to contoso, the second for what belongs to
 * tailwind. alice and adam are contoso's, tara and tom tailwind's; `lost` is a customer whose token names no account;
 * `forC` and `forT` are a service that acts for contoso, for tailwind.
 *
 * `+` let in    `-` 404, as if it did not exist    `R` 403: the role is missing
 * `F` 403: the body names another account as the owner    `N` 403: the caller belongs to no account
 * `0` 404: let in, but there is none (no delivery here has a proof)
 */
export const CALLERS = [
  'alice',
  'adam',
  'tara',
  'tom',
  'lost',
  'olivia',
  'drone',
  'courier',
  'rival',
  'service',
  'forC',
  'forT',
] as const;
export type Caller = (typeof CALLERS)[number];
export type Verdict = '+' | '0' | '-' | 'R' | 'F' | 'N';

const TABLE = `
                                                       alice adam tara tom lost olivia drone courier rival service forC forT
PUT accounts/{accountId}                               RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
PATCH accounts/{accountId}                             RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
GET accounts/{accountId}                               +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
PUT accounts/{accountId}/users/{userId}                RR    +-   RR   -+  RR   ++     RR    RR      RR    RR      RR   RR
GET accounts/{accountId}/users/{userId}                RR    +-   RR   -+  RR   ++     RR    RR      RR    RR      RR   RR
DELETE accounts/{accountId}/users/{userId}             RR    +-   RR   -+  RR   ++     RR    RR      RR    RR      RR   RR
GET accountholds                                       RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      ++   ++
GET accounts/{accountId}/admission                     RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+
GET accounts/{accountId}/users                         RR    +-   RR   -+  RR   ++     RR    RR      RR    RR      RR   RR
GET account/{accountId}                                +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
PUT accounts/{accountId}/holds/{deliveryId}            RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+
DELETE accounts/{accountId}/holds/{deliveryId}         RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+

PUT packages/{packageId}                               ++    ++   ++   ++  NN   RR     RR    RR      RR    NN      ++   ++
GET packages/{packageId}                               +-    +-   -+   -+  NN   RR     RR    RR      RR    NN      +-   -+
PATCH packages/{packageId}                             +-    +-   -+   -+  NN   RR     RR    RR      RR    NN      +-   -+
DELETE packages/{packageId}                            +-    +-   -+   -+  NN   RR     RR    RR      RR    NN      +-   -+
GET packages/summary/{ownerId}                         +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+

GET deliveryrequests                                   ++    ++   ++   ++  NN   RR     RR    RR      RR    RR      RR   RR
POST deliveryrequests                                  +F    +F   F+   F+  NN   RR     RR    RR      RR    RR      RR   RR
GET deliveryrequests/{deliveryId}                      +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
PATCH deliveryrequests/{deliveryId}                    +-    +-   -+   -+  --   RR     RR    RR      RR    RR      RR   RR
DELETE deliveryrequests/{deliveryId}                   +-    +-   -+   -+  --   RR     RR    RR      RR    RR      RR   RR
PUT deliveryrequests/{deliveryId}/acceptance           RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+
POST quotes                                            ++    ++   ++   ++  NN   RR     RR    RR      RR    RR      RR   RR

PUT deliveries/{deliveryId}                            RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +F   F+
GET deliveries/{deliveryId}                            +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
POST deliveries/{deliveryId}/transitions               RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+
GET deliveries/{deliveryId}/owner                      +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
GET deliveries/{deliveryId}/status                     +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
GET deliveries/{deliveryId}/events                     +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
POST deliveries/{deliveryId}/sharelinks                +-    +-   -+   -+  --   RR     RR    RR      RR    ++      +-   -+
DELETE deliveries/{deliveryId}/sharelinks/{linkId}     +-    +-   -+   -+  --   RR     RR    RR      RR    RR      RR   RR
GET deliveries/public/{token}                          ++    ++   ++   ++  ++   ++     ++    ++      ++    ++      ++   ++
POST deliveries/{deliveryId}/notifymerequests          +-    +-   -+   -+  --   RR     RR    RR      RR    RR      RR   RR
POST deliveries/{deliveryId}/confirmations             +-    +-   -+   -+  --   RR     RR    RR      RR    ++      +-   -+
GET deliveries/{deliveryId}/sharelinks                 +-    +-   -+   -+  --   ++     RR    RR      RR    RR      RR   RR
GET deliveries/{deliveryId}/confirmations              +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
GET deliveries/{deliveryId}/confirmations/{proofId}    0-    0-   -0   -0  --   00     RR    RR      RR    00      0-   -0
GET deliveries/webhooksecrets                          RR    ++   RR   ++  RR   RR     RR    RR      RR    RR      RR   RR
GET deliveries/summary                                 +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+

PUT drones/{droneId}                                   RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
GET drones/{droneId}                                   RR    RR   RR   RR  RR   ++     RR    RR      RR    ++      ++   ++
GET drones                                             RR    RR   RR   RR  RR   ++     RR    RR      RR    ++      ++   ++
GET drones/nearby                                      RR    RR   RR   RR  RR   ++     RR    RR      RR    ++      ++   ++
PUT dronedeliveries/{deliveryId}                       RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +F   F+
DELETE dronedeliveries/{deliveryId}                    RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+
PUT dronedeliveries/{deliveryId}/mission               RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+
PUT dronedeliveries/{deliveryId}/acceptance            RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+
PUT dronedeliveries/{deliveryId}/recall                RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+
GET dronedeliveries/{deliveryId}                       RR    RR   RR   RR  RR   ++     RR    RR      RR    ++      +-   -+
POST dronedeliveries/quotes                            RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      ++   ++
GET dronedeliveries/utilization                        +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+

PUT thirdpartydeliveries/{deliveryId}                  RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +F   F+
GET thirdpartydeliveries                               RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      ++   ++
DELETE thirdpartydeliveries/{deliveryId}               RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+
POST thirdpartydeliveries/quotes                       RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +F   F+
POST thirdpartydeliveries/{deliveryId}/events          RR    RR   RR   RR  RR   RR     RR    ++      --    RR      RR   RR

GET workflows/{deliveryId}                             RR    RR   RR   RR  RR   ++     RR    RR      RR    ++      +-   -+
GET workflows/overdue                                  RR    RR   RR   RR  RR   ++     RR    RR      RR    ++      ++   ++
POST workflows/{deliveryId}/nudge                      RR    RR   RR   RR  RR   ++     RR    RR      RR    ++      +-   -+
POST workflows/{deliveryId}/compensation               RR    RR   RR   RR  RR   ++     RR    RR      RR    ++      +-   -+
PUT workflows/{deliveryId}/inbox/{eventId}             RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+

PUT deliveryhistory/{deliveryId}                       RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +F   F+
GET deliveryhistory/{deliveryId}                       +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
GET deliveryhistory                                    +-    +-   -+   -+  --   ++     RR    RR      RR    ++      +-   -+
GET deliveryhistory/summary/{ownerId}                  RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      +-   -+

POST supervisor/deadletters                            RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      ++   ++
GET supervisor/deadletters                             RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
GET supervisor/deadletters/{hub}/{day}/{letterId}           RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
POST supervisor/deadletters/{hub}/{day}/{letterId}/replay   RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
POST supervisor/deadletters/{hub}/{day}/{letterId}/discard  RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
POST supervisor/workitems                              RR    RR   RR   RR  RR   RR     RR    RR      RR    ++      ++   ++
GET supervisor/workitems                               RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
POST supervisor/workitems/{deliveryId}/{itemId}/settle RR    RR   RR   RR  RR   ++     RR    RR      RR    RR      RR   RR
`;

export type Row = Readonly<Record<Caller, readonly [Verdict, Verdict]>>;

/** By `titleOf(route)`. */
export const EXPECTED: ReadonlyMap<string, Row> = rowsOf(TABLE, /^(GET|PUT|POST|PATCH|DELETE) /);

/** The rows of a table whose lines begin so; the name of a row is its first two words. */
export function rowsOf(table: string, begin: RegExp): ReadonlyMap<string, Row> {
  const rows = table
    .split('\n')
    .filter((line) => begin.test(line))
    .map((line): readonly [string, Row] => {
      const [method, path, ...pairs] = line.split(/\s+/);
      const cells = CALLERS.map((caller, index) => [caller, (pairs[index] ?? '').split('')]);
      return [`${method} ${path}`, Object.fromEntries(cells) as Row];
    });
  return new Map(rows);
}

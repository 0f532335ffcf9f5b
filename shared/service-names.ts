/** The services of the Function App, as folders, settings and containers name them. */
export const SERVICES = [
  'ingestion',
  'scheduler',
  'supervisor',
  'account',
  'third-party',
  'drone',
  'package',
  'delivery',
  'delivery-history',
] as const;
export type ServiceName = (typeof SERVICES)[number];

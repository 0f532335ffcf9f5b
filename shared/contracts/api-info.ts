/** Title, version and description of the API. */
export const API_INFO = {
  title: 'Fabrikam drone delivery',
  version: '1',
  description: 'Ask for a drone, follow the delivery. Weights in kg, distances in m, times ISO 8601 in UTC.',
} as const;

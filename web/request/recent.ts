/** Remembers the deliveries that were requested in this browser, by person, newest first. */

const MAX_DELIVERIES = 8;

const keyOf = (personId: string) => `deliveries:${personId}`;

export function recentDeliveries(personId: string): string[] {
  try {
    const list = JSON.parse(localStorage.getItem(keyOf(personId)) ?? '[]') as unknown;
    return Array.isArray(list) ? list.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}

export function remember(personId: string, deliveryId: string): void {
  const others = recentDeliveries(personId).filter((id) => id !== deliveryId);
  localStorage.setItem(keyOf(personId), JSON.stringify([deliveryId, ...others].slice(0, MAX_DELIVERIES)));
}

export function forgetDelivery(personId: string, deliveryId: string): void {
  const others = recentDeliveries(personId).filter((id) => id !== deliveryId);
  localStorage.setItem(keyOf(personId), JSON.stringify(others));
}

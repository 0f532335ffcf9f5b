/** Makes the map's scene of a delivery. Pure. */
import type { Scene } from '../map/scene.ts';
import { freshness } from './freshness.ts';
import type { DeliveryState } from './state.ts';

export function sceneOf(state: DeliveryState, now: number): Scene {
  const { deliveryId, pickup, dropoff, base, latest, stage, hasEnded, isLinkLost } = state;
  const places = { pickup, dropoff };
  if (hasEnded || !latest) return { ...places, ...(hasEnded || stage === undefined ? {} : { base }) };
  const { position, velocity, heading, leg } = latest.position;
  const isLoaded = leg === 'ToDropoff' || leg === 'AtDropoff' || stage === 'HeadedToDropoff';
  const isOld = freshness(now - latest.takenAt) === 'lost';
  return {
    ...places,
    base,
    heading: isLoaded ? 'dropoff' : 'pickup',
    drone: {
      id: deliveryId,
      takenAt: latest.takenAt,
      position,
      velocity,
      heading,
      tone: isLinkLost ? 'lost' : isOld ? 'stale' : 'flying',
    },
  };
}

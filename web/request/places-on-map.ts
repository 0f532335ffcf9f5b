/** Shows the form's places on the map, and takes over places that are clicked there. */
import { useEffect } from 'preact/hooks';
import type { Position } from '../../shared/contracts/common.ts';
import { usePage } from '../app/page.ts';
import { positionOf } from '../map/city.ts';
import type { Form } from './form.ts';

export function usePlacesOnMap(
  { pickup, dropoff }: Pick<Form, 'pickup' | 'dropoff'>,
  onPlace: (position: Position) => void,
): void {
  const page = usePage();
  useEffect(() => {
    page.onPlace.value = onPlace;
  });
  useEffect(
    () => () => {
      page.onPlace.value = undefined;
    },
    [],
  );
  useEffect(() => {
    const { addresses } = page.city;
    page.scene.value = { pickup: positionOf(pickup, addresses), dropoff: positionOf(dropoff, addresses) };
  }, [pickup, dropoff]);
}

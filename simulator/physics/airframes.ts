/**
 * The models of the fleet, with their airframes and the data sheets that the drone service plans with. A data sheet is
 * computed from the airframe and rounded as a manufacturer would; a real drone differs from it by its traits.
 */
import type { FlightPerformance } from '../../shared/contracts/flight.ts';
import type { Airframe } from './airframe.ts';
import { electricPower } from './power.ts';

export const AIRFRAMES = [
  {
    model: 'sparrow',
    emptyMass: 4.5,
    maxPayload: 2.5,
    cargoBay: 'Small',
    discArea: 0.5,
    dragArea: 0.075,
    efficiency: 0.62,
    avionics: 20,
    capacity: 420,
    voltage: 22.2,
    resistance: 0.02,
    cruiseSpeed: 15,
    climbRate: 4,
    descentRate: 3,
    cruiseAltitude: 70,
    acceleration: 3,
    handlingTime: 15,
    reserve: 0.2,
  },
  {
    model: 'kestrel',
    emptyMass: 9,
    maxPayload: 5,
    cargoBay: 'Medium',
    discArea: 1.18,
    dragArea: 0.14,
    efficiency: 0.62,
    avionics: 30,
    capacity: 800,
    voltage: 44.4,
    resistance: 0.03,
    cruiseSpeed: 16,
    climbRate: 4,
    descentRate: 3,
    cruiseAltitude: 85,
    acceleration: 2.5,
    handlingTime: 20,
    reserve: 0.2,
  },
  {
    model: 'condor',
    emptyMass: 22,
    maxPayload: 10,
    cargoBay: 'Large',
    discArea: 3.1,
    dragArea: 0.25,
    efficiency: 0.66,
    avionics: 45,
    capacity: 2200,
    voltage: 51.8,
    resistance: 0.02,
    cruiseSpeed: 19,
    climbRate: 3.5,
    descentRate: 2.5,
    cruiseAltitude: 100,
    acceleration: 2,
    handlingTime: 25,
    reserve: 0.25,
  },
] as const satisfies readonly Airframe[];

const SECONDS_PER_HOUR = 3600;

/** @throws RangeError for a model that is no longer built */
export function airframeOf(model: string): Airframe {
  const airframe = AIRFRAMES.find((each) => each.model === model);
  if (!airframe) throw new RangeError(`there is no airframe ${model}`);
  return airframe;
}

/** The data sheet: hover and cruise as measured on a calm day, without payload. */
export function performanceOf(airframe: Airframe): FlightPerformance {
  const hover = electricPower(airframe, { mass: airframe.emptyMass, airspeed: 0, climb: 0 });
  const cruise = electricPower(airframe, {
    mass: airframe.emptyMass,
    airspeed: airframe.cruiseSpeed,
    climb: 0,
  });
  return {
    cruiseSpeed: airframe.cruiseSpeed,
    climbRate: airframe.climbRate,
    descentRate: airframe.descentRate,
    cruiseAltitude: airframe.cruiseAltitude,
    emptyMass: airframe.emptyMass,
    maxPayload: airframe.maxPayload,
    batteryCapacity: airframe.capacity,
    cruiseEnergy: Math.round((cruise / airframe.cruiseSpeed / SECONDS_PER_HOUR) * 1e5) / 1e5,
    hoverPower: Math.round(hover),
    handlingTime: airframe.handlingTime,
    reserve: airframe.reserve,
  };
}

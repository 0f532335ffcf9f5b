/** An airframe: the mass, power and speed of one model of drone. */
import type { PackageSize } from '../../shared/contracts/common.ts';

/** Masses in kg (empty: with battery), areas in m², capacity in Wh, speeds in m/s. */
export interface Airframe {
  readonly model: string;
  readonly emptyMass: number;
  readonly maxPayload: number;
  /** The largest package that the cargo bay takes. */
  readonly cargoBay: PackageSize;
  readonly discArea: number;
  readonly dragArea: number;
  /** Share of the battery's power that becomes air power. */
  readonly efficiency: number;
  /** Computer, radio, lamps; W. */
  readonly avionics: number;
  readonly capacity: number;
  /** Nominal pack voltage and internal resistance, V and Ω. */
  readonly voltage: number;
  readonly resistance: number;
  readonly cruiseSpeed: number;
  readonly climbRate: number;
  readonly descentRate: number;
  readonly cruiseAltitude: number;
  readonly acceleration: number;
  readonly handlingTime: number;
  readonly reserve: number;
}

/** Colours of the map, by day and by night. */
import type { OverlayColours } from './overlay.ts';

export interface Palette {
  readonly land: string;
  readonly water: string;
  readonly park: string;
  readonly street: string;
  readonly casing: string;
  readonly label: string;
  readonly halo: string;
  readonly waterLabel: string;
  readonly parkLabel: string;
  readonly base: string;
}

export interface MapColours {
  readonly ground: Palette;
  readonly overlay: OverlayColours;
}

const DAY: MapColours = {
  ground: {
    land: '#eef0ec',
    water: '#b5d9ea',
    park: '#cfe5c5',
    street: '#ffffff',
    casing: '#dbded8',
    label: '#3c4a54',
    halo: '#ffffff',
    waterLabel: '#2f6f8f',
    parkLabel: '#3f6b3a',
    base: '#0b4f6c',
  },
  overlay: {
    route: '#00658f',
    trail: '#00658f66',
    flying: '#c2410c',
    idle: '#52677a',
    lost: '#b3173a',
    stale: '#8a949c',
    halo: '#ffffff',
  },
};

const NIGHT: MapColours = {
  ground: {
    land: '#17212a',
    water: '#0e3348',
    park: '#1c3529',
    street: '#2c3a46',
    casing: '#121a21',
    label: '#b9c6d0',
    halo: '#121a21',
    waterLabel: '#7fb6d2',
    parkLabel: '#8cc08a',
    base: '#6cc4ec',
  },
  overlay: {
    route: '#6cc4ec',
    trail: '#6cc4ec66',
    flying: '#ff9a5c',
    idle: '#9fb0bc',
    lost: '#ff7f98',
    stale: '#6d7a84',
    halo: '#121a21',
  },
};

export function coloursOf(isDark: boolean): MapColours {
  return isDark ? NIGHT : DAY;
}

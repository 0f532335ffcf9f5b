/** The state that all parts of the page share: the address, the scene on the map, the services. */
import { type Signal, signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Position } from '../../shared/contracts/common.ts';
import type { City } from '../map/city.ts';
import { EMPTY_SCENE, type Scene } from '../map/scene.ts';
import type { Call } from '../server/call.ts';
import type { Follow } from '../server/stream.ts';
import type { PageConfig } from '../session/config.ts';
import type { Session } from '../session/session.ts';

export interface Page {
  readonly config: PageConfig;
  readonly city: City;
  readonly session: Session;
  readonly call: Call;
  readonly follow: Follow;
  readonly path: Signal<string>;
  readonly scene: Signal<Scene>;
  /** Called with a place that was clicked on the map. */
  readonly onPlace: Signal<((position: Position) => void) | undefined>;
  readonly onDrone: Signal<((droneId: string) => void) | undefined>;
  readonly go: (path: string) => void;
}

export type PageServices = Pick<Page, 'config' | 'city' | 'session' | 'call' | 'follow'>;

export function createPage(services: PageServices, start: string): Page {
  const path = signal(start);
  history.replaceState(null, '', start);
  addEventListener('popstate', () => {
    path.value = location.pathname;
  });
  return {
    ...services,
    path,
    scene: signal(EMPTY_SCENE),
    onPlace: signal(undefined),
    onDrone: signal(undefined),
    go: (to) => {
      history.pushState(null, '', to);
      path.value = to;
    },
  };
}

export const PageContext = createContext<Page | undefined>(undefined);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error('there is no page around this component');
  return page;
}

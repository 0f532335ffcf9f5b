import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { usePage } from '../app/page.ts';
import { createMapView, type MapView } from './view.ts';

const ZOOM_STEP = 1.6;

/** The map is only a picture: the panel beside it has the same facts in words. */
export function CityMap() {
  const page = usePage();
  const root = useRef<HTMLDivElement>(null);
  const ground = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const markers = useRef<HTMLDivElement>(null);
  const view = useRef<MapView | undefined>(undefined);

  useEffect(() => {
    const elements = { root, ground, overlay, markers };
    view.current = createMapView(
      {
        root: elements.root.current as HTMLElement,
        ground: elements.ground.current as HTMLCanvasElement,
        overlay: elements.overlay.current as HTMLCanvasElement,
        markers: elements.markers.current as HTMLElement,
      },
      {
        city: page.city,
        timeScale: page.config.timeScale,
        onPlace: (position) => page.onPlace.peek()?.(position),
        onDrone: (id) => page.onDrone.peek()?.(id),
      },
    );
    view.current.show(page.scene.peek());
    return () => view.current?.close();
  }, []);
  useSignalEffect(() => {
    const scene = page.scene.value;
    view.current?.show(scene);
  });

  return (
    <div class={`map ${page.onPlace.value ? 'is-pickable' : ''}`}>
      <div class="map-view" ref={root} data-following="true" aria-hidden="true">
        <canvas ref={ground} />
        <canvas ref={overlay} />
        <div class="markers" ref={markers} />
      </div>
      <div class="map-tools" role="group" aria-label="Map">
        <button type="button" aria-label="Zoom in" onClick={() => view.current?.zoom(ZOOM_STEP)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => view.current?.zoom(1 / ZOOM_STEP)}>
          −
        </button>
        <button type="button" aria-label="Show everything" onClick={() => view.current?.recenter()}>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M2 7V2h5M13 2h5v5M18 13v5h-5M7 18H2v-5" />
          </svg>
        </button>
      </div>
    </div>
  );
}

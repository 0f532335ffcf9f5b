/** Paints the city: parks, water, streets, and its labels. Paths are made once, in metres. */
import type { MapFeature } from '../../shared/geo/service-area/city-map.ts';
import type { Camera, Size } from './camera.ts';
import type { City } from './city.ts';
import type { Palette } from './colours.ts';
import { type Label, paintLabels } from './labels.ts';
import type { Point, Projection } from './projection.ts';

export interface Ground {
  readonly paths: readonly { readonly kind: MapFeature['properties']['kind']; readonly path: Path2D }[];
  readonly labels: readonly Label[];
}

/** Widths in m, and the smallest width in pixels. */
const WIDTHS = { street: [7, 0.8], arterial: [16, 1.8] } as const;

export function groundOf(city: City, projection: Projection): Ground {
  const at = ([longitude, latitude]: readonly [number, number]) => projection.toPoint(longitude, latitude);
  const paths = city.features.flatMap(({ properties: { kind }, geometry }) => {
    if (geometry.type === 'Point') return [];
    const path = new Path2D();
    for (const line of geometry.coordinates) {
      line.forEach((each, index) => {
        const { x, y } = at(each);
        if (index === 0) path.moveTo(x, y);
        else path.lineTo(x, y);
      });
      if (geometry.type === 'Polygon') path.closePath();
    }
    return [{ kind, path }];
  });
  const labels = city.features.flatMap(({ properties: { kind, name }, geometry }): Label[] => {
    if (geometry.type === 'Point') return [{ kind, text: name, point: at(geometry.coordinates) }];
    if (geometry.type === 'Polygon' && kind !== 'street')
      return [{ kind, text: name, point: middle(geometry.coordinates[0] ?? [], at) }];
    return [];
  });
  return { paths, labels: labels.sort((a, b) => RANK[a.kind] - RANK[b.kind]) };
}

const RANK = { base: 0, water: 1, place: 2, park: 3, arterial: 4, street: 5 } as const;

export function paintGround(
  context: CanvasRenderingContext2D,
  { paths, labels }: Ground,
  camera: Camera,
  size: Size,
  ratio: number,
  colours: Palette,
): void {
  const { x, y, scale } = camera;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = colours.land;
  context.fillRect(0, 0, size.width, size.height);
  const factor = scale * ratio;
  context.setTransform(
    factor,
    0,
    0,
    factor,
    (size.width / 2) * ratio - x * factor,
    (size.height / 2) * ratio - y * factor,
  );
  context.lineJoin = 'round';
  context.lineCap = 'round';
  for (const kind of ['park', 'water'] as const) {
    context.fillStyle = colours[kind];
    for (const each of paths) if (each.kind === kind) context.fill(each.path);
  }
  for (const kind of ['street', 'arterial'] as const) {
    const width = Math.max(WIDTHS[kind][0], WIDTHS[kind][1] / scale);
    for (const [colour, wider] of [
      [colours.casing, 1.6 / scale],
      [colours.street, 0],
    ] as const) {
      context.strokeStyle = colour;
      context.lineWidth = width + wider;
      for (const each of paths) if (each.kind === kind) context.stroke(each.path);
    }
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  paintLabels(context, labels, camera, size, colours);
}

/** Centroid by area. https://en.wikipedia.org/wiki/Centroid#Of_a_polygon */
function middle(
  ring: readonly (readonly [number, number])[],
  at: (each: readonly [number, number]) => Point,
): Point {
  const points = ring.map(at);
  let [area, x, y] = [0, 0, 0];
  points.slice(1).forEach((to, index) => {
    const from = points[index] as Point;
    const cross = from.x * to.y - to.x * from.y;
    area += cross;
    x += (from.x + to.x) * cross;
    y += (from.y + to.y) * cross;
  });
  return { x: x / (3 * area), y: y / (3 * area) };
}

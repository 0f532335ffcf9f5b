/**
 * Provides counters, gauges and histograms in Prometheus' text format.
 *
 * M1 counting on the hot path only adds to a number: labels are resolved when a counter is made, not when it counts.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */

type Labels = Readonly<Record<string, string>>;

export interface Counter {
  readonly add: (count?: number) => void;
  readonly value: () => number;
}

export interface Histogram {
  readonly observe: (value: number) => void;
}

export interface Metrics {
  readonly counter: (name: string, help: string, labels?: Labels) => Counter;
  /** Read when the metrics are requested. */
  readonly gauge: (name: string, help: string, read: () => number, labels?: Labels) => void;
  readonly histogram: (name: string, help: string, buckets: readonly number[]) => Histogram;
  readonly text: () => string;
}

interface Family {
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly series: Map<string, () => string[]>;
}

export function createMetrics(): Metrics {
  const families = new Map<string, Family>();
  const counters = new Map<string, Counter>();
  const family = (name: string, help: string, type: Family['type']): Family => {
    const known = families.get(name);
    if (known) return known;
    const made: Family = { help, type, series: new Map() };
    families.set(name, made);
    return made;
  };
  return {
    counter: (name, help, labels = {}) => {
      const key = `${name}${labelText(labels)}`;
      const known = counters.get(key);
      if (known) return known;
      let count = 0;
      const counter: Counter = {
        add: (by = 1) => {
          count += by;
        },
        value: () => count,
      };
      counters.set(key, counter);
      family(name, help, 'counter').series.set(key, () => [`${key} ${count}`]);
      return counter;
    },
    gauge: (name, help, read, labels = {}) => {
      const key = `${name}${labelText(labels)}`;
      family(name, help, 'gauge').series.set(key, () => [`${key} ${read()}`]);
    },
    histogram: (name, help, buckets) => {
      const counts = buckets.map(() => 0);
      let [sum, count] = [0, 0];
      family(name, help, 'histogram').series.set(name, () => {
        let below = 0;
        const lines = buckets.map((le, index) => {
          below += counts[index] ?? 0;
          return `${name}_bucket{le="${le}"} ${below}`;
        });
        return [
          ...lines,
          `${name}_bucket{le="+Inf"} ${count}`,
          `${name}_sum ${sum}`,
          `${name}_count ${count}`,
        ];
      });
      return {
        observe: (value) => {
          sum += value;
          count += 1;
          const index = buckets.findIndex((le) => value <= le);
          if (index >= 0) counts[index] = (counts[index] ?? 0) + 1;
        },
      };
    },
    text: () =>
      [...families]
        .flatMap(([name, { help, type, series }]) => [
          `# HELP ${name} ${help}`,
          `# TYPE ${name} ${type}`,
          ...[...series.values()].flatMap((lines) => lines()),
        ])
        .join('\n')
        .concat('\n'),
  };
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

const escaped = (value: string) =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

test('counters, gauges and histograms as Prometheus reads them', () => {
  const metrics = createMetrics();
  metrics.counter('c_total', 'a counter', { kind: 'a"b' }).add();
  metrics.counter('c_total', 'a counter', { kind: 'a"b' }).add(2);
  metrics.counter('c_total', 'a counter', { kind: 'other' }).add();
  let level = 1;
  metrics.gauge('g', 'a gauge', () => level);
  level = 5;
  const histogram = metrics.histogram('h', 'a histogram', [1, 10]);
  for (const value of [0.5, 1, 5, 50]) histogram.observe(value);
  expect(metrics.text()).toBe(
    [
      '# HELP c_total a counter',
      '# TYPE c_total counter',
      'c_total{kind="a\\"b"} 3',
      'c_total{kind="other"} 1',
      '# HELP g a gauge',
      '# TYPE g gauge',
      'g 5',
      '# HELP h a histogram',
      '# TYPE h histogram',
      'h_bucket{le="1"} 2',
      'h_bucket{le="10"} 3',
      'h_bucket{le="+Inf"} 4',
      'h_sum 56.5',
      'h_count 4',
      '',
    ].join('\n'),
  );
});

import type { Figure, Results } from '../../bench/results.js';

/** Of a quiet machine, unless `rest` says otherwise. */
export function makeResults(figures: readonly Figure[], rest: Partial<Results> = {}): Results {
  return {
    format: 2,
    date: '2026-11-22',
    commit: 'abc1234',
    machine: {
      cpu: 'A processor',
      cores: 2,
      memoryMiB: 1024,
      system: 'Linux 6',
      node: 'v20.20.2',
      openssl: 'OpenSSL 3',
    },
    neighbours: { load: 0.25, share: 0.01 },
    figures,
    series: [],
    ...rest,
  };
}

export const makeFigure = (
  subject: string,
  metric: string,
  values: readonly number[],
  rest: Partial<Figure> = {},
): Figure => ({ subject, metric, unit: 's', better: 'less', kind: 'noisy', values, ...rest });

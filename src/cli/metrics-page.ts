import { createMetrics } from '../observe/index.ts'

/** The text of `docs/metrics.md`: every metric with its type and what it says, read from an exposition. */
export async function metricsPage(): Promise<string> {
  const metrics = createMetrics({ version: '0', standing: () => Promise.reject(new Error('nothing runs')) })
  const text = await metrics.text()
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]),
  )
  const rows = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)]
    .map(([, name = '', help = '']) => `| \`${name}\` | ${types.get(name) ?? ''} | ${help} |`)
    .toSorted()
  return `${[
    '# Metrics',
    'At `/metrics` of the admin port, in the text format of Prometheus. Counters of declared topics and groups stand at 0 from the start; gauges are read from the log when they are asked for. This page is written by `npm run docs` from the metrics themselves.',
    ['| name | type | what it says |', '|---|---|---|', ...rows].join('\n'),
  ].join('\n\n')}\n`
}

import { Counter, type Metric, type Registry } from 'prom-client'

/**
 * Metrics of which every event changes some: counted in plain numbers, and brought into prom-client's form when somebody
 * asks. prom-client itself checks and hashes the labels at each call, which is a microsecond for each event.
 */
export interface Tally {
  /** Only grows. */
  value: number
}

interface TallyOptions<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly Label[]
  readonly registry: Registry
}

/** A counter of which the series are written by whoever asked for them. A series stands at 0 from then on. */
export function tallyCounter<Label extends string>(
  options: TallyOptions<Label>,
): (labels: Readonly<Record<Label, string>>) => Tally {
  const { name, help, labelNames, registry } = options
  const series: { labels: Readonly<Record<Label, string>>; tally: Tally; told: number }[] = []
  const counter = new Counter({
    name,
    help,
    labelNames,
    registers: [],
    collect() {
      for (const one of series) {
        this.inc(one.labels, one.tally.value - one.told)
        one.told = one.tally.value
      }
    },
  })
  registry.registerMetric(counter)
  return labels => {
    const tally = { value: 0 }
    series.push({ labels, tally, told: 0 })
    return tally
  }
}

/** A series of a histogram. */
export class HistogramTally {
  readonly #bounds: readonly number[]
  /** Of each bound what lies in its bucket alone; beyond the last bound nothing but `count` grows. */
  readonly #inBucket: number[]
  #sum = 0
  #count = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#inBucket = bounds.map(() => 0)
  }

  observe(value: number): void {
    let bucket = 0
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) bucket += 1
    if (bucket < this.#bounds.length) this.#inBucket[bucket] = (this.#inBucket[bucket] ?? 0) + 1
    this.#sum += value
    this.#count += 1
  }

  /** What the exposition shows, with cumulative buckets. */
  values(name: string, labels: Exposed['labels']): readonly Exposed[] {
    let below = 0
    const buckets: Exposed[] = this.#bounds.map((bound, i) => {
      below += this.#inBucket[i] ?? 0
      return { metricName: `${name}_bucket`, labels: { le: bound, ...labels }, value: below }
    })
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: this.#count },
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: this.#count },
    ]
  }
}

interface Exposed {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** A histogram, as {@link tallyCounter}. */
export function tallyHistogram<Label extends string>(
  options: TallyOptions<Label> & { readonly buckets: readonly number[] },
): (labels: Readonly<Record<Label, string>>) => HistogramTally {
  const { name, help, buckets, registry } = options
  const series: { labels: Readonly<Record<Label, string>>; tally: HistogramTally }[] = []
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: () =>
      Promise.resolve({
        ...metric,
        values: series.flatMap(({ labels, tally }) => tally.values(name, labels)),
      }),
  }
  // Its type wants one of prom-client's four classes; it calls nothing but `get`, and reads the name.
  registry.registerMetric(metric as unknown as Metric)
  return labels => {
    const tally = new HistogramTally(buckets)
    series.push({ labels, tally })
    return tally
  }
}

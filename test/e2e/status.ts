import { setTimeout as wait } from 'node:timers/promises'

/** What a test reads of the admin side, as any outsider could. */
export interface Status {
  readonly ready: boolean
  readonly groups: readonly {
    readonly group: string
    readonly state: string
    readonly reason: string | undefined
    readonly lag: number
    /** Events that wait for a retry. */
    readonly parked: number
    readonly lagSeconds: number
    readonly deadLetters: number
    readonly partitions: readonly {
      readonly partition: number
      readonly state: string
      readonly committed: string
      readonly end: string
    }[]
  }[]
  readonly breakers: readonly { readonly name: string; readonly state: string; readonly reason: string }[]
  /** Value of a series such as `dead_letters_total{group="each"}`, summed over the labels that are not named. */
  metric(name: string, labels?: Readonly<Record<string, string>>): number
}

export async function readStatus(adminPort: number): Promise<Status> {
  const base = `http://127.0.0.1:${adminPort}`
  const [report, exposition] = await Promise.all([
    reportOf(base),
    fetch(`${base}/metrics`).then(response => response.text()),
  ])
  return {
    ready: report.ready.ready,
    groups: report.standing.groups.map(group => ({ ...group, lag: Number(group.lag) })),
    breakers: report.breakers,
    metric: (name, labels = {}) => sumOf(exposition, name, labels),
  }
}

/**
 * Asks until the log tells where it stands. What is shown before was so once, and "everything is done" may be older than
 * the events of the test.
 */
async function reportOf(base: string): Promise<Report> {
  const end = performance.now() + 60_000
  for (;;) {
    const report = (await (await fetch(`${base}/status.json`)).json()) as Report
    if (report.away === undefined) return report
    if (performance.now() > end) throw new Error(`the log does not tell where it stands: ${report.away}`)
    await wait(50)
  }
}

interface Report {
  readonly ready: { readonly ready: boolean }
  readonly away?: string
  readonly standing: { readonly groups: readonly (Omit<Status['groups'][number], 'lag'> & { lag: string })[] }
  readonly breakers: Status['breakers']
}

function sumOf(exposition: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const values = exposition
    .split('\n')
    .filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter(line => wanted.every(label => line.includes(label)))
    .map(line => Number(line.slice(line.lastIndexOf(' ') + 1)))
  if (values.length === 0) throw new Error(`no series ${name} ${wanted.join(',')}`)
  return values.reduce((sum, value) => sum + value, 0)
}

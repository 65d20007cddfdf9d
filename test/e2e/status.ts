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
    fetch(`${base}/status.json`).then(async response => (await response.json()) as Report),
    fetch(`${base}/metrics`).then(response => response.text()),
  ])
  // What is shown then was so before, and "everything is done" may be older than the events of the test.
  if (report.away !== undefined) throw new Error(`the log does not tell where it stands: ${report.away}`)
  return {
    ready: report.ready.ready,
    groups: report.standing.groups.map(group => ({ ...group, lag: Number(group.lag) })),
    breakers: report.breakers,
    metric: (name, labels = {}) => sumOf(exposition, name, labels),
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

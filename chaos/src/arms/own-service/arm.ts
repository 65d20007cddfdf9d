import { createHash } from 'node:crypto'
import type { Evidence } from 'holdfast/testing'
import type { Arm, RunningArm, Target } from '../../contract/arm.ts'
import { withClient } from '../store.ts'

export interface OwnServiceOptions {
  /** Where it takes events, and how one is written there. */
  readonly target: Target
  /** Where its rows are. Only read. */
  readonly databaseUrl: string
  /**
   * Answers a row for each applied event, in the order of application: `id`, `key`, and `payload` as the text that was
   * sent.
   */
  readonly query: string
}

/** A service that runs already and stays: it is sent the load and audited, and whoever runs it makes the faults. */
export function ownService({ target, databaseUrl, ...options }: OwnServiceOptions): Arm {
  const query = options.query.trim().replace(/;$/, '')
  return {
    name: 'own',
    title: 'Your service',
    description: `What takes events at ${target.url}, audited by a query of your own.`,
    flags: {},
    needs: [],
    async start(): Promise<RunningArm> {
      const before = new Set((await evidenceOf(databaseUrl, query)).rows.map(({ id }) => id))
      const quiet = quietFor(QUIET_MS)
      return {
        target,
        services: new Map(),
        // Counted by the same query; it need not be one table.
        table: `(${query}) as applied`,
        sample: async () => ({}),
        isDrained: async () => quiet(await countOf(databaseUrl, query), performance.now()),
        async evidence() {
          const { rows } = await evidenceOf(databaseUrl, query)
          // It may have had rows before this run, and they are none of its business.
          return { rows: rows.filter(({ id }) => !before.has(id)) }
        },
        stop: async () => {},
      }
    },
  }
}

/** A service that nobody here knows has drained when its rows have not become more for so long. */
const QUIET_MS = 5_000

/** Answers, for each count and its time, whether the count has been the same for `ms`. */
export function quietFor(ms: number): (count: number, at: number) => boolean {
  let last = { count: -1, at: 0 }
  return (count, at) => {
    if (count !== last.count) last = { count, at }
    return at - last.at >= ms
  }
}

async function countOf(databaseUrl: string, query: string): Promise<number> {
  const { rows } = await withClient(databaseUrl, client =>
    client.query<{ n: string }>(`select count(*) as n from (${query}) as applied`),
  )
  return Number(rows[0]?.n)
}

async function evidenceOf(databaseUrl: string, query: string): Promise<Evidence> {
  const { rows, fields } = await withClient(databaseUrl, client =>
    client.query<{ id: string; key: string | null; payload: string }>(query),
  )
  const missing = ['id', 'key', 'payload'].filter(name => !fields.some(field => field.name === name))
  if (missing.length > 0) {
    throw new Error(`the query of your rows answers no column ${missing.join(', ')}: ${query}`)
  }
  return {
    rows: rows.map(({ id, key, payload }) => ({
      id,
      key: key ?? undefined,
      hash: createHash('sha256').update(payload).digest('hex'),
    })),
  }
}

import { createHash } from 'node:crypto'
import type { Aggregate, Evidence, StoredRow } from 'holdfast/testing'
import { Client } from 'pg'

/** The table that gets one row for each applied location. The same in every arm that is built from examples/drivers. */
export const POSITIONS = 'drivers.positions'

/** What a load of locations looks like, whoever takes it in. */
export const location = {
  body: '{"type":"moved","id":"{id}","data":{data}}',
  data: '{"driver":"{key}","n":{n},"lat":52.52,"lon":13.405,"speed":50}',
  // Every door takes it; the rule that nobody drives so fast is the database's.
  poison: '{"driver":"{key}","n":{n},"lat":52.52,"lon":13.405,"speed":999}',
}

/** What is in the tables of examples/drivers: every row in the order of application, and the sum of each driver. */
export async function storedLocations(databaseUrl: string): Promise<Evidence> {
  return await withClient(databaseUrl, async client => {
    const { rows } = await client.query<Stored>(
      `select id, driver, payload, log_partition, log_offset from ${POSITIONS} order by seq`,
    )
    const sums = await client.query<{ driver: string; updates: string }>(
      'select driver, updates from drivers.latest',
    )
    return {
      rows: rows.map(rowOf),
      aggregates: [updatesPerKey(new Map(sums.rows.map(row => [row.driver, Number(row.updates)])))],
    }
  })
}

interface Stored {
  readonly id: string
  readonly driver: string
  readonly payload: string
  readonly log_partition: number | null
  readonly log_offset: string | null
}

function rowOf({ id, driver, payload, log_partition: partition, log_offset: offset }: Stored): StoredRow {
  return {
    id,
    key: driver,
    hash: createHash('sha256').update(payload).digest('hex'),
    ...(partition !== null && offset !== null && { at: { partition, offset: BigInt(offset) } }),
  }
}

/** One event adds one to the sum of its key, so one that counted twice, or not, shows. */
export function updatesPerKey(cells: ReadonlyMap<string, number>): Aggregate {
  return { name: 'updates per key', cells, model: ({ key = '' }) => [[key, 1]] }
}

export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  // A server that dies while we ask must fail the question, not this process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end().catch(() => {})
  }
}

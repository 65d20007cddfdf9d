import { Client } from 'pg'
import type { Aggregate, Evidence, StoredRow } from '../../src/testing/audit/index.ts'

/** Made before the app starts. No constraint hides a double: whatever is applied twice stands here twice. */
export const storeSchema = `
  create table applied (
    seq bigserial, grp text not null, id text not null, key text, hash text not null, part int, log_offset bigint
  );
  create table contacts (email text primary key);
  create table sums (grp text not null, key text not null, events bigint not null, primary key (grp, key));
`

export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  // A server that is killed while we ask must fail the question, not this process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end().catch(() => {})
  }
}

/** What one group left in the store, in the order in which it was applied. */
export async function evidenceOf(url: string, group: string): Promise<Evidence> {
  return await withClient(url, async client => {
    const applied = await client.query<{
      id: string
      key: string | null
      hash: string
      part: number
      log_offset: string
    }>('select id, key, hash, part, log_offset from applied where grp = $1 order by seq', [group])
    const rows = applied.rows.map(({ id, key, hash, part, log_offset }): StoredRow => ({
      id,
      key: ownKey(key),
      hash,
      at: { partition: part, offset: BigInt(log_offset) },
    }))
    return { rows, aggregates: [await sumsOf(client, group)] }
  })
}

/** Events per key, counted by the same transactions that wrote the rows. */
async function sumsOf(client: Client, group: string): Promise<Aggregate> {
  const { rows } = await client.query<{ key: string; events: string }>(
    'select key, events from sums where grp = $1',
    [group],
  )
  return {
    name: 'events per key',
    cells: new Map(rows.map(({ key, events }) => [ownKey(key) ?? '', Number(events)])),
    model: ({ key = '' }) => [[key, 1]],
  }
}

/** The client's key: in the log it stands below the tenant of the sender. */
export function ownKey(key: string | null | undefined): string | undefined {
  return key?.replace(/^t1\//, '')
}

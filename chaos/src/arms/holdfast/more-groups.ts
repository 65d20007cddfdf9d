import type { Aggregate } from 'holdfast/testing'
import type { DriversApp } from '../../../../examples/drivers/src/drivers.ts'
import { locations } from '../../../../examples/drivers/src/locations.ts'
import { updatesPerKey, withClient } from '../store.ts'

const names = ['billing', 'safety'] as const

/** Two more groups, each with a sum of its own for each driver: a platform has several readers of one event. */
export function moreGroups(app: DriversApp): void {
  for (const name of names) {
    app
      .consumer(name, locations, { from: 'earliest' })
      .effectBatch(['moved'], { max: 500, within: '50ms' }, async (events, tx) => {
        const of = Map.groupBy(events, ({ data }) => data.driver)
        const drivers = [...of.keys()].toSorted()
        await tx.query(
          `insert into drivers.sums as kept (grp, driver, updates) select $1, * from unnest($2::text[], $3::bigint[])
             on conflict (grp, driver) do update set updates = kept.updates + excluded.updates`,
          [name, drivers, drivers.map(driver => of.get(driver)?.length)],
        )
      })
  }
}

export async function createSums(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, client =>
    client.query(
      'create table if not exists drivers.sums (grp text, driver text, updates bigint not null, primary key (grp, driver))',
    ),
  )
}

/** What each of the two has counted. */
export async function sumsOfMore(databaseUrl: string): Promise<Aggregate[]> {
  const { rows } = await withClient(databaseUrl, client =>
    client.query<{ grp: string; driver: string; updates: string }>(
      'select grp, driver, updates from drivers.sums',
    ),
  )
  return names.map(name => {
    const own = rows.filter(({ grp }) => grp === name)
    const cells = new Map(own.map(({ driver, updates }) => [driver, Number(updates)]))
    return { ...updatesPerKey(cells), name: `updates per key of ${name}` }
  })
}

import { HoldfastError } from '../../event/index.ts'
import type { Driver } from './driver.ts'

/**
 * See the port. Inbox and applied offsets name a group by a number, so that only the two tables change that give it. A
 * lease keeps its number too: the next take-over under the new name shuts out whoever still writes under the old one.
 */
export function renameGroup(driver: Driver, from: string, to: string): Promise<boolean> {
  return driver.connections.control(driver.limitMs, async session => {
    await session.query(driver.beginText)
    const known = await session.query(
      `select name from (select name from holdfast.grp union select name from holdfast.lease) known
       where name in ($1, $2)`,
      [from, to],
    )
    const names = known.rows.map(row => row['name'])
    if (names.includes(from) && names.includes(to)) {
      await session.query('rollback')
      throw new HoldfastError('GROUP_BOUND', {
        detail: `the database knows what ${from} has applied, and what ${to} has`,
      })
    }
    await session.query('update holdfast.grp set name = $2 where name = $1', [from, to])
    await session.query('update holdfast.lease set name = $2 where name = $1', [from, to])
    const { command } = await session.query('commit')
    if (command !== 'COMMIT') throw new HoldfastError('SINK_ROLLED_BACK', { detail: 'a rename' })
    return names.includes(from)
  })
}

import type { App } from '../../src/index.ts'
import { until } from '../harness/until.ts'

/** The groups have done everything of a topic, and their positions say so. */
export function caughtUp(shop: App<boolean>, topic: { readonly partitions: number }): Promise<boolean> {
  return until('the groups have done everything', async () => {
    const { log, groups } = shop.system
    for (const { group } of await shop.groups()) {
      const committed = await groups.committed(group)
      if (committed.length < topic.partitions) return false
      for (const position of committed) if ((await log.bounds(position)).end !== position.offset) return false
    }
    return true
  })
}

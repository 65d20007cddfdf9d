import { openLanes, type OpenLane } from '../../recover/lane/index.ts'
import type { OperationContext } from './operation.ts'

type Scope = Pick<OperationContext, 'system' | 'signal'>

/** The retry lanes of a group, as a successor of their owners would find them. */
export async function* lanesOf({ system, signal }: Scope, group: string): AsyncGenerator<OpenLane> {
  const { log, groups } = system
  yield* openLanes({ log, committed: await groups.committed(group), signal }, group)
}

/** How many events of a group wait in its retry lanes, with the decisions that wait there for an owner. */
export async function openInLanes(scope: Scope, group: string): Promise<number> {
  let open = 0
  for await (const { entries, requests } of lanesOf(scope, group)) open += entries.length + requests
  return open
}

import { failureText } from '../recover/index.ts'
import type { Lease } from '../sink/index.ts'
import type { OwnedPartition } from '../log/index.ts'
import type { GroupContext } from './group-context.ts'
import { DATABASE, usesDatabase } from './settings.ts'

export interface LeaseRequest {
  readonly context: GroupContext
  readonly owned: OwnedPartition
  /** Who takes it, for people. */
  readonly memberName: string
  /** As of `Sink.takeOver`. */
  readonly since: bigint | undefined
  /** Whether the log says that the partition is ours. */
  confirm(): Promise<boolean>
}

/**
 * Takes a partition's lease in the database, once the database works: an outage is waited for like any other. Undefined
 * for a group without effects, and after an abort. Throws `EPOCH_STALE` when somebody has taken over since.
 */
export async function takeLease(request: LeaseRequest, signal: AbortSignal): Promise<Lease | undefined> {
  const { context, owned, memberName, since } = request
  const { sink, settings, dependencies, prepareSink } = context
  if (!sink || !usesDatabase(settings)) return undefined
  const database = dependencies.find(dependency => dependency.name === DATABASE)
  while (!signal.aborted) {
    const pass = await database?.enter(signal)
    if (!pass) return undefined
    try {
      await prepareSink()
      const scope = { ...owned, group: settings.group, generation: 0, owner: memberName }
      const lease = await sink.takeOver(scope, () => request.confirm(), since)
      pass.done('success')
      return lease
    } catch (error) {
      if (!sink.isOutage(error)) {
        pass.done('neither')
        throw error
      }
      pass.done('outage', failureText(error))
    }
  }
  return undefined
}

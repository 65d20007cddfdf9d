import { Troubles } from '../../src/consume/troubles.ts'
import { expect } from 'vitest'
import { admission } from '../../src/consume/admission.ts'
import type { GroupContext } from '../../src/consume/group-context.ts'
import type { OnHandler } from '../../src/consume/handlers.ts'
import { gate, limiter, rateLimit } from '../../src/consume/limits.ts'
import { resolveGroup, withHandlers, type AnyPolicy } from '../../src/consume/settings.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import type { Log } from '../../src/log/index.ts'
import { floodGuard } from '../../src/recover/index.ts'
import type { AnyTopic } from '../../src/schema/index.ts'

/** What the partitions of a group with one `.on` handler for all types share: no database, nothing outside that it needs. */
export function groupContext(of: {
  readonly log: Log
  readonly group: string
  readonly topic: AnyTopic
  readonly policy: Partial<AnyPolicy>
  readonly run: OnHandler
}): GroupContext {
  const { log, group, topic, policy, run } = of
  const handlers = new Map([...topic.types.keys()].map(type => [type, { kind: 'on', run }] as const))
  const base = resolveGroup(group, [topic], { from: 'earliest', ...policy })
  const settings = withHandlers(base, handlers, undefined)
  const open = gate()
  const parts: Omit<GroupContext, 'prepareSink' | 'publisher' | 'outbox' | 'undeclared'> = {
    settings,
    log,
    sink: undefined,
    source: '/test',
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    troubles: new Troubles(group, silentLogger),
    observer: {},
    dependencies: [],
    admission: admission({
      gate: open,
      rate: rateLimit(undefined, systemClock),
      limiter: limiter(settings.concurrency),
      dependencies: [],
    }),
    suspects: limiter(1),
    deletedAt: () => undefined,
    gate: open,
    guard: floodGuard(1),
    stuckAfterMs: 60_000,
    fatal: error => expect.fail(String(error)),
  }
  return parts as GroupContext // nothing is published, and no call meets an outage
}

import { HoldfastError, sleep } from '../event/index.ts'
import { deadTopicOf, describeFailure, encodeLetter, failureText } from '../recover/index.ts'
import { type GroupContext, type Task } from './group-context.ts'

/** Who shuts the gate in a flood of dead letters. */
export const FLOOD = 'flood'

/** Between tries to write a letter. */
const RETRY_MS = 1_000

/**
 * Writes the letter of an event that is to die, durably, before the event may count as done. A letter that cannot be
 * written is tried again for ever: the event keeps its offset unfinished, so nothing can pass it by.
 *
 * `cut`: the abort came first. `again`: a flood of letters had paused the group, and whoever resumed it may have mended
 * what failed, so the event is to be tried anew.
 */
export async function bury(
  task: Task,
  context: GroupContext,
  signal: AbortSignal,
): Promise<'dead' | 'again' | 'cut'> {
  const { settings, guard, gate, clock, log, observer, logger } = context
  const { fate, record } = task
  if (!fate) throw new HoldfastError('INTERNAL', { detail: `offset ${record.offset} dies without a reason` })
  const last = task.last ?? describeFailure(fate.error, clock.now())
  while (!guard.mayDie(clock.monotonic(), `${fate.reason}: ${last.message}`)) {
    if (gate.reasons.length === 0) stopFlood(context)
    await gate.passed(signal)
    if (signal.aborted) return 'cut'
    if (task.handler && task.attempts > 0) {
      Object.assign(task, { attempts: 0, first: undefined, last: undefined, fate: undefined })
      return 'again'
    }
  }
  const letter = encodeLetter(record, {
    group: settings.group,
    reason: fate.reason,
    attempts: task.attempts,
    first: task.first ?? last,
    last,
    diedAt: clock.now(),
  })
  const facts = {
    group: settings.group,
    topic: record.topic,
    partition: record.partition,
    offset: String(record.offset),
  }
  for (;;) {
    try {
      await log.append(deadTopicOf(record.topic, settings.group), [letter])
      break
    } catch (error) {
      if (signal.aborted) return 'cut'
      logger.warn(
        { ...facts, error: failureText(error) },
        'the dead letter could not be written: the partition waits',
      )
      await sleep(clock, RETRY_MS, signal)
      if (signal.aborted) return 'cut'
    }
  }
  observer.deadLettered?.({ topic: record.topic, group: settings.group, reason: fate.reason })
  logger.warn({ ...facts, reason: fate.reason, error: last.message }, 'event is a dead letter now')
  return 'dead'
}

function stopFlood({ guard, gate, settings, logger }: GroupContext): void {
  const top = guard.dominating
  const reason = `dead-letter flood: ${top?.count ?? 0} died of "${top?.cause ?? 'unknown'}" within 5 minutes`
  gate.shut(FLOOD, reason)
  logger.error({ group: settings.group, cause: top?.cause }, `${settings.group} is paused: ${reason}`)
}

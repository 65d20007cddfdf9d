import type { Place } from './admission.ts'
import { attempt, type Attempted, type AttemptOptions } from './attempt.ts'
import type { GroupContext, Task } from './group-context.ts'
import { decide, failureReason, type Decision } from './verdict.ts'

/** How an attempt ended, with what follows from a failure decided. */
export type Settled =
  | Extract<Attempted, { kind: 'done' | 'duplicate' | 'held' | 'expired' }>
  | (Extract<Attempted, { kind: 'failed' }> & { readonly decision: Decision })

/** One for each event; or `cut`: an abort came meanwhile; or `fenced`: another worker owns the lease. */
export type Outcome = readonly Settled[] | 'cut' | 'fenced'

/**
 * One attempt at one event or a batch, in a place that it was given and leaves. Answers without a promise where the
 * handler needed none and nothing failed.
 */
export function supervised(
  tasks: readonly Task[],
  place: Place,
  context: GroupContext,
  options: AttemptOptions,
): Outcome | Promise<Outcome> {
  const attempted = attempt(tasks, context, options)
  return attempted instanceof Promise
    ? attempted.then(results => settle(tasks, results, place, context))
    : settle(tasks, attempted, place, context)
}

function settle(
  tasks: readonly Task[],
  results: readonly Attempted[],
  place: Place,
  context: GroupContext,
): Outcome | Promise<Outcome> {
  if (!results.every(isSettled)) return settleFailures(tasks, results, place, context)
  place.leave(results.some(worked) ? 'success' : 'neither')
  return results
}

function isSettled(result: Attempted): result is Exclude<Settled, { kind: 'failed' }> {
  return result.kind !== 'failed' && result.kind !== 'aborted' && result.kind !== 'fenced'
}

function worked({ kind }: Settled): boolean {
  return kind === 'done' || kind === 'duplicate'
}

async function settleFailures(
  tasks: readonly Task[],
  results: readonly Attempted[],
  place: Place,
  context: GroupContext,
): Promise<Outcome> {
  let how: Parameters<Place['leave']>[0] = 'neither'
  try {
    const outcome = await decideAll(tasks, results, context)
    if (typeof outcome !== 'string') how = lesson(outcome)
    return outcome
  } finally {
    place.leave(how)
  }
}

/** Decides about each failure; one error for the whole transaction is decided once. */
async function decideAll(
  tasks: readonly Task[],
  results: readonly Attempted[],
  context: GroupContext,
): Promise<Outcome> {
  const decisions = new Map<Attempted, Decision>()
  const settled: Settled[] = []
  for (const [i, result] of results.entries()) {
    const task = tasks[i]
    if (!task || result.kind === 'aborted') return 'cut'
    if (result.kind === 'fenced') return 'fenced'
    if (result.kind !== 'failed') {
      settled.push(result)
      continue
    }
    const decision = decisions.get(result) ?? (await decide(result.error, task, context))
    decisions.set(result, decision)
    const reason = failureReason(result.error, decision)
    context.observer.failed?.({ topic: task.record.topic, group: context.settings.group, reason, count: 1 })
    // Only an outage is about all of them. Any other verdict is about one, and must not meet its neighbours.
    if (tasks.length > 1 && results.every(one => one === result) && decision.kind !== 'pause') {
      task.alone = true
      settled.push({ kind: 'held' })
      continue
    }
    settled.push({ ...result, decision })
  }
  return settled
}

/** What the dependencies are to learn from it. */
function lesson(settled: readonly Settled[]): Parameters<Place['leave']>[0] {
  const away = settled.find(one => one.kind === 'failed' && one.decision.kind === 'pause')
  if (away?.kind === 'failed' && away.decision.kind === 'pause') return away.decision
  return settled.some(worked) ? 'success' : 'neither'
}

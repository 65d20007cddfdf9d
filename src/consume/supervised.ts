import type { Dependency, Pass } from '../recover/index.ts'
import { attempt, type Attempted, type AttemptOptions } from './attempt.ts'
import type { GroupContext, Task } from './group-context.ts'
import { decide, failureReason, type Decision } from './verdict.ts'

/** How an attempt ended, with what follows from a failure decided. */
export type Settled =
  | Extract<Attempted, { kind: 'done' | 'duplicate' | 'held' | 'expired' }>
  | (Extract<Attempted, { kind: 'failed' }> & { readonly decision: Decision })

export interface SupervisedOptions extends Omit<AttemptOptions, 'signal'> {
  /** Aborted: nothing new begins. */
  readonly intake: AbortSignal
  /** Aborted: what runs is cut off. */
  readonly work: AbortSignal
}

/**
 * One attempt at one event or a batch, once the group may go on, the rate and the concurrency allow it, and every
 * dependency lets it in; afterwards each dependency is told how it went. `cut`: an abort came first or meanwhile.
 */
export async function supervised(
  tasks: readonly Task[],
  context: GroupContext,
  { intake, work, ...options }: SupervisedOptions,
): Promise<readonly Settled[] | 'cut' | 'fenced'> {
  const { gate, rate, limiter, dependencies } = context
  await gate.passed(intake)
  await rate(tasks.length, intake)
  const leave = await limiter.enter(intake)
  if (!leave) return 'cut'
  const passes = new Map<Dependency, Pass>()
  try {
    for (const dependency of dependencies) {
      const pass = await dependency.enter(intake)
      if (!pass) return 'cut'
      passes.set(dependency, pass)
    }
    const results = await attempt(tasks, context, { ...options, signal: work })
    const settled = await settle(tasks, results, context)
    if (typeof settled !== 'string') report(settled, passes)
    return settled
  } finally {
    leave()
    for (const pass of passes.values()) pass.done('neither')
  }
}

/** Decides about each failure; one error for the whole transaction is decided once. */
async function settle(
  tasks: readonly Task[],
  results: readonly Attempted[],
  context: GroupContext,
): Promise<readonly Settled[] | 'cut' | 'fenced'> {
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

function report(settled: readonly Settled[], passes: ReadonlyMap<Dependency, Pass>): void {
  const away = settled.find(one => one.kind === 'failed' && one.decision.kind === 'pause')
  if (away?.kind === 'failed' && away.decision.kind === 'pause') {
    passes.get(away.decision.dependency)?.done('outage', away.decision.reason)
  } else if (settled.some(one => one.kind === 'done' || one.kind === 'duplicate')) {
    for (const pass of passes.values()) pass.done('success')
  }
}

import { isHoldfastError } from '../event/index.ts'
import { classify, type Dependency } from '../recover/index.ts'
import type { GroupContext, Task } from './group-context.ts'
import type { FailureReason } from './observer.ts'
import { DATABASE } from './settings.ts'

/** What follows from a failed attempt. */
export type Decision =
  /** `dependency` is away: the event stays where it is, no attempt is spent. */
  | { readonly kind: 'pause'; readonly dependency: Dependency }
  | { readonly kind: 'retry' }
  | { readonly kind: 'dead'; readonly reason: 'data' | 'attempts' | 'verdict' }
  | { readonly kind: 'skip' }

/**
 * Decides once what an error means. The user's `onError` first, then the classification of the error itself, then,
 * where that leaves a doubt, the dependencies are asked whether they work.
 */
export async function decide(error: unknown, task: Task, context: GroupContext): Promise<Decision> {
  const { settings, sink, dependencies, undeclared } = context
  const override = task.event && settings.onError?.(error, { ...task.event, attempt: task.attempts + 1 })
  if (override === 'skip') return { kind: 'skip' }
  if (override === 'dead') return { kind: 'dead', reason: 'verdict' }
  if (override === 'retry') return retryOrDead(task, context)
  if (override)
    return { kind: 'pause', dependency: dependencies.find(d => d.name === override.pause) ?? undeclared }

  const blame = classify(error, sink)
  switch (blame.kind) {
    case 'data':
      return { kind: 'dead', reason: 'data' }
    case 'sink':
      return { kind: 'pause', dependency: dependencies.find(d => d.name === DATABASE) ?? undeclared }
    case 'network':
      return { kind: 'pause', dependency: (await firstAway(dependencies)) ?? undeclared }
    case 'unknown': {
      const away = await firstAway(dependencies)
      return away ? { kind: 'pause', dependency: away } : retryOrDead(task, context)
    }
  }
}

/** The label that a failed attempt gets in metrics. */
export function failureReason(error: unknown, decision: Decision): FailureReason {
  if (isHoldfastError(error, 'HANDLER_TIMEOUT')) return 'timeout'
  return decision.kind === 'dead' && decision.reason !== 'attempts' ? 'permanent' : 'transient'
}

function retryOrDead(task: Task, context: GroupContext): Decision {
  return task.attempts + 1 > context.settings.retryDelaysMs.length
    ? { kind: 'dead', reason: 'attempts' }
    : { kind: 'retry' }
}

async function firstAway(dependencies: readonly Dependency[]): Promise<Dependency | undefined> {
  const answers = await Promise.all(dependencies.map(dependency => dependency.works()))
  return dependencies.find((_, i) => answers[i] === false)
}

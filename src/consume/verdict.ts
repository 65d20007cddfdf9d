import { isHoldfastError } from '../event/index.ts'
import { classify, failureText, type Dependency } from '../recover/index.ts'
import type { GroupContext, Task } from './group-context.ts'
import type { FailureReason } from './observer.ts'
import { DATABASE, type GroupSettings } from './settings.ts'

type OnError = NonNullable<GroupSettings['onError']>

/** What follows from a failed attempt. */
export type Decision =
  /** `dependency` is away: the event stays where it is, no attempt is spent. */
  | { readonly kind: 'pause'; readonly dependency: Dependency; readonly reason: string }
  | { readonly kind: 'retry' }
  | { readonly kind: 'dead'; readonly reason: 'data' | 'attempts' | 'verdict' }
  | { readonly kind: 'skip' }

/**
 * Decides once what an error means. The user's `onError` first, then the classification of the error itself, then,
 * where that leaves a doubt, the dependencies are asked whether they work.
 */
export async function decide(error: unknown, task: Task, context: GroupContext): Promise<Decision> {
  const { sink, dependencies, undeclared } = context
  const override = overridden(error, task, context)
  if (override === 'skip') return { kind: 'skip' }
  if (override === 'dead') return { kind: 'dead', reason: 'verdict' }
  if (override === 'retry') return retryOrDead(task, context)
  if (override) return pause(dependencies.find(d => d.name === override.pause) ?? undeclared, error)

  const blame = classify(error, sink)
  switch (blame.kind) {
    case 'data':
      return { kind: 'dead', reason: 'data' }
    case 'sink':
      return pause(dependencies.find(d => d.name === DATABASE) ?? undeclared, error)
    case 'network':
      return (await firstAway(dependencies)) ?? pause(undeclared, error)
    case 'unknown':
      return (await firstAway(dependencies)) ?? retryOrDead(task, context)
  }
}

/** What `onError` says. A throw in it is a mistake of the app, which must not decide about the event. */
function overridden(error: unknown, task: Task, { settings, logger }: GroupContext): ReturnType<OnError> {
  try {
    return task.event && settings.onError?.(error, { ...task.event, attempt: task.attempts + 1 })
  } catch (failure) {
    logger.warn({ group: settings.group, error: failureText(failure) }, 'onError threw; the default decides')
    return undefined
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

function pause(dependency: Dependency, error: unknown): Decision {
  return { kind: 'pause', dependency, reason: failureText(error) }
}

/** The first dependency that says itself that it does not work; its own words are the reason, not the event's error. */
async function firstAway(dependencies: readonly Dependency[]): Promise<Decision | undefined> {
  const answers = await Promise.all(dependencies.map(dependency => dependency.trouble()))
  for (const [i, dependency] of dependencies.entries()) {
    const reason = answers[i]
    if (reason !== undefined) return { kind: 'pause', dependency, reason }
  }
  return undefined
}

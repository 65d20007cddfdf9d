import type { App } from '../app.ts'
import type { Answer, Intent, Operation } from './operation.ts'
import { perform } from './perform.ts'

/** Runs an operation and answers as its route and its command do. Rejects with `INPUT_INVALID`, and as the operation does. */
export type Operate = <In extends object, Out extends object>(
  operation: Operation<In, Out>,
  input: In,
  intent?: Intent & { readonly signal?: AbortSignal | undefined },
) => Promise<Answer<Out>>

/**
 * Operations as calls in code, on an app that runs in this process:
 *
 *     const call = operate(app)
 *     await call(groupReset, { group: 'billing', toStart: true }, { execute: true, reason: 'ticket 7' })
 *
 * `by`: who that is in the audit trail; the name of the app where nothing is said. Whoever has the app may do everything.
 */
export function operate(app: App<boolean>, by: string = `app ${app.name}`): Operate {
  const actor = { name: by, role: 'admin' } as const
  return (operation, input, { signal = new AbortController().signal, ...intent } = {}) =>
    perform(app.admin.host(), { operation, input, actor, signal, ...intent })
}

import { HoldfastError } from '../../event/index.ts'
import { audited } from './audit-trail.ts'
import {
  mayRun,
  type Actor,
  type Answer,
  type Intent,
  type Operation,
  type OperationHost,
} from './operation.ts'
import { flag, optional, text, type Problem } from './shape.ts'

/** Who does what, with what intent, until when. */
export interface Request<In extends object, Out extends object> extends Intent {
  readonly operation: Operation<In, Out>
  readonly input: unknown
  readonly actor: Actor
  readonly signal: AbortSignal
}

/**
 * Runs one operation, whoever asks by whichever way: the role is checked, then the input, then a change is written to
 * the audit trail before and after it was made.
 *
 * Rejects with `ACCESS_DENIED`, with `INPUT_INVALID` (facts: `problems`), and with what the operation rejects with.
 */
export async function perform<In extends object, Out extends object>(
  host: OperationHost,
  request: Request<In, Out>,
): Promise<Answer<Out>> {
  const { operation, actor, signal } = request
  if (!mayRun(actor.role, operation.role)) {
    throw new HoldfastError('ACCESS_DENIED', {
      detail: `${operation.name} needs the role ${operation.role}, ${actor.name} has ${actor.role}`,
      facts: { needed: operation.role },
    })
  }
  const input = readInput(operation, request)
  const execute = operation.effect !== 'none' && (operation.effect === 'change' || request.execute === true)
  const { reason } = request
  const run = (): Promise<Out> =>
    within(host, request, until => operation.run({ ...host, actor, signal: until, execute, reason }, input))
  const out = execute
    ? await audited(host, { operation: operation.name, actor, input, reason }, run, signal)
    : await run()
  return { format: 1, ...(operation.effect === 'decision' && { executed: execute }), ...out }
}

/** Rejects with `OPERATION_FAILED` when the time of a look is over; what it reads then, it reads for nobody. */
async function within<Out extends object>(
  { clock }: OperationHost,
  {
    operation: { name, withinMs },
    signal,
  }: {
    readonly operation: Pick<Operation<never, Out>, 'name' | 'withinMs'>
    readonly signal: AbortSignal
  },
  run: (signal: AbortSignal) => Promise<Out>,
): Promise<Out> {
  if (withinMs === undefined) return run(signal)
  const over = new AbortController()
  const late = Promise.withResolvers<never>()
  const cancel = clock.after(withinMs, () => {
    const detail = `${name}: the log has not told all that was asked within ${withinMs / 1_000} s`
    late.reject(new HoldfastError('OPERATION_FAILED', { detail }))
    over.abort()
  })
  try {
    return await Promise.race([run(AbortSignal.any([signal, over.signal])), late.promise])
  } finally {
    cancel()
  }
}

const REASON = 'why, for the audit trail'
export const executeShape = optional(flag('do it; without it the answer only says what would be done'))
export const reasonShape = optional(text(REASON))

function readInput<In extends object>(operation: Operation<In, object>, request: Request<In, object>): In {
  const problems: Problem[] = []
  const input = operation.input.read(request.input, '', problems)
  if (request.reason !== undefined) reasonShape.read(request.reason, '/reason', problems)
  if (operation.effect === 'decision' && request.execute === true && request.reason === undefined)
    problems.push({
      field: '/reason',
      message: 'is missing: what loses, re-reads or republishes data needs one',
    })
  if (problems.length === 0) return input
  throw new HoldfastError('INPUT_INVALID', {
    detail: `${operation.name}: ${problems.map(({ field, message }) => `${field || '/'} ${message}`).join('; ')}`,
    facts: { problems },
  })
}

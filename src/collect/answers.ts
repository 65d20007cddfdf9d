import type { Durability, Random } from '../event/index.ts'
import type { Reply } from './exchange.ts'
import { problemBody, problemCatalogue, type Problem, type ProblemCode } from './problems.ts'
import type { EventResult } from './intake.ts'

/** The answer to a request of one event. */
export function singleAnswer(result: EventResult, durability: Durability, random: Random): Reply {
  if (result.kind === 'refused') {
    return problemAnswer(withErrors(result.problem, [errorOf(result, 0, random)]), random)
  }
  return {
    status: 202,
    headers: {
      'content-type': 'application/json',
      location: `/v1/receipts/${result.receipt}`,
      'collector-durability': result.spooled ? 'spool' : durability,
    },
    body: JSON.stringify({ id: result.id, receipt: result.receipt, duplicate: result.duplicate }),
  }
}

/**
 * The answer to a request of several events: 202 when all were accepted, 207 when some were, and a problem when none
 * was. `broken` is why an NDJSON body was not read to its end.
 */
export function batchAnswer(
  results: readonly EventResult[],
  durability: Durability,
  random: Random,
  broken?: Problem,
): Reply {
  const accepted = results.filter(result => result.kind === 'accepted').length
  if (accepted === 0) {
    const errors = results.map((result, index) => errorOf(result, index, random))
    return problemAnswer(withErrors(broken ?? commonProblem(results), errors), random)
  }
  const all = accepted === results.length && !broken
  // What holds for all of them: the spool is the weakest.
  const spooled = results.some(result => result.kind === 'accepted' && result.spooled)
  return {
    status: all ? 202 : 207,
    headers: { 'content-type': 'application/json', 'collector-durability': spooled ? 'spool' : durability },
    body: JSON.stringify({
      accepted,
      refused: results.length - accepted,
      results: results.map((result, index) =>
        result.kind === 'accepted'
          ? { index, status: 202, id: result.id, receipt: result.receipt, duplicate: result.duplicate }
          : errorOf(result, index, random),
      ),
      ...(broken && { broken: problemBody(withRetry(broken, random)) }),
    }),
  }
}

/** A whole request refused. `Retry-After` goes with everything that may succeed later. */
export function problemAnswer(
  given: Problem,
  random: Random,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const problem = withRetry(given, random)
  const { retryAfterMs } = problem
  return {
    status: problemCatalogue[problem.code].status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
      ...headers,
    },
    body: JSON.stringify(problemBody(problem)),
  }
}

/** 1 to 3 seconds, spread, so that senders who were refused together do not come back together. */
function withRetry(problem: Problem, random: Random): Problem {
  const { status } = problemCatalogue[problem.code]
  if (problem.retryAfterMs !== undefined || (status !== 503 && status !== 429)) return problem
  return { ...problem, retryAfterMs: Math.round(1000 + random() * 2000) }
}

function errorOf(result: EventResult, index: number, random: Random): Record<string, unknown> {
  const { id } = result
  if (result.kind === 'accepted') return { index, id }
  return { index, ...(id === undefined ? {} : { id }), ...problemBody(withRetry(result.problem, random)) }
}

function withErrors(problem: Problem, errors: readonly Record<string, unknown>[]): Problem {
  return errors.length === 0 ? problem : { ...problem, facts: { ...problem.facts, errors } }
}

/**
 * One problem for a request of which nothing was accepted: the one that all share; else one that makes the sender try
 * again if that can help any of them; else `events_refused`.
 */
function commonProblem(results: readonly EventResult[]): Problem {
  const problems = results.flatMap(result => (result.kind === 'refused' ? [result.problem] : []))
  const [first] = problems
  if (!first) return { code: 'no_events', detail: 'there is nothing in the body' }
  if (problems.every(({ code }) => code === first.code)) return first
  const retryFirst: readonly ProblemCode[] = ['outcome_unknown', 'not_stored']
  for (const code of retryFirst) {
    const found = problems.find(problem => problem.code === code)
    if (found) return found
  }
  const codes = [...new Set(problems.map(({ code }) => code))]
  return { code: 'events_refused', detail: `for different reasons: ${codes.join(', ')}` }
}

import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HoldfastError } from '../../event/index.ts'
import { openApi } from './openapi.ts'
import { pathOf, type Actor, type AnyOperation, type OperationHost } from './operation.ts'
import { perform } from './perform.ts'
import { problemOf, type ProblemDetails } from './problem.ts'

export interface OperationRoutes {
  /** Asked at each request: the log is open only while the app runs. */
  readonly host: () => OperationHost
  readonly operations: readonly AnyOperation[]
}

/** What the guard in front of all routes has found out. */
export interface Guarded {
  readonly Variables: { readonly actor: Actor }
}

const MAX_BODY_BYTES = 2 * 1024 * 1024

/**
 * The table of operations over HTTP: those that read by GET with a query, the others by POST with JSON, and
 * `/openapi.json`. What goes wrong is an `application/problem+json` with the code of the error.
 */
export function operationRoutes({ host, operations }: OperationRoutes): Hono<Guarded> {
  const routes = new Hono<Guarded>()
  routes.onError((error, c) => problem(c, problemOf(error)))
  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: c =>
      problem(c, { ...inputProblem(`the body has more than ${MAX_BODY_BYTES} bytes`), status: 413 }),
  })
  for (const operation of operations) {
    if (operation.effect === 'none') {
      routes.get(pathOf(operation), async c => {
        const { signal } = c.req.raw
        return c.json(await perform(host(), { operation, actor: c.get('actor'), input: queryOf(c), signal }))
      })
      continue
    }
    routes.post(pathOf(operation), limit, async c => {
      const actor = c.get('actor')
      const refusal = foreignWrite(c)
      if (refusal) return problem(c, refusal)
      const { execute, reason, ...input } = await bodyOf(c)
      const intent = {
        ...(execute !== undefined && { execute: execute === true }),
        ...(reason !== undefined && { reason: reason as string }), // `perform` checks that it is text
      }
      return c.json(await perform(host(), { operation, actor, input, ...intent, signal: c.req.raw.signal }))
    })
  }
  routes.get('/openapi.json', c => c.json(openApi(operations)))
  return routes
}

/** Values that come several times are lists. */
function queryOf(c: Context): Record<string, string | string[]> {
  const queries = Object.entries(c.req.queries())
  return Object.fromEntries(
    queries.map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values]),
  )
}

async function bodyOf(c: Context): Promise<Record<string, unknown>> {
  const text = await c.req.text()
  try {
    const body = JSON.parse(text === '' ? '{}' : text) as unknown
    if (typeof body === 'object' && body !== null && !Array.isArray(body))
      return body as Record<string, unknown>
  } catch {
    // Said below, without the words of the parser, which repeat what was sent.
  }
  throw new HoldfastError('INPUT_INVALID', { detail: 'the body must be a JSON object' })
}

/**
 * A page of somebody else can make a browser send, but neither with this content type without asking first, nor without
 * an Origin that is not ours.
 */
function foreignWrite(c: Context): ProblemDetails | undefined {
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json')
    return { ...inputProblem('the content type must be application/json'), status: 415 }
  const origin = c.req.header('origin')
  const site = c.req.header('sec-fetch-site') ?? 'none'
  const isOwn =
    origin === undefined || (URL.canParse(origin) && new URL(origin).host === c.req.header('host'))
  if (isOwn && ['none', 'same-origin'].includes(site)) return undefined
  return problemOf(new HoldfastError('ACCESS_DENIED', { detail: 'other pages may not write here' }))
}

function inputProblem(detail: string): ProblemDetails {
  return problemOf(new HoldfastError('INPUT_INVALID', { detail }))
}

/** Nobody knows who asks. */
export function unknownAsker(c: Context): Response {
  c.header('www-authenticate', 'Bearer realm="holdfast", Basic realm="holdfast"')
  const error = new HoldfastError('ACCESS_DENIED', { detail: 'no token, or one that is not known' })
  return problem(c, { ...problemOf(error), status: 401 })
}

function problem(c: Context, details: ProblemDetails): Response {
  const headers = { 'content-type': 'application/problem+json' }
  return c.body(JSON.stringify(details), details.status as 400, headers)
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { problemAnswer } from './answers.ts'
import { appender } from './appender.ts'
import { corsHeaders, preflightHeaders } from './cors.ts'
import { eventsRequest } from './events-request.ts'
import { BodyBroken, type Inbound, type Reply } from './exchange.ts'
import { fetchInbound, fetchResponse } from './fetch-shape.ts'
import { inFlight } from './in-flight.ts'
import { intake } from './intake.ts'
import { localDedup } from './local-dedup.ts'
import { nodeFront, type Listening } from './node-front.ts'
import { resolveCollectorOptions, type CollectorOptions } from './options.ts'
import { answerOtherwise } from './otherwise.ts'
import { RequestRefused, type Problem } from './problems.ts'
import { logProof, readiness, type CollectorReadiness } from './readiness.ts'
import { routes } from './routes.ts'

/**
 * The front door: takes events over HTTP and answers 202 only once the log has made them durable. The same pipeline in
 * three shapes: a server of its own, a `fetch` handler, and a `(req, res)` handler.
 */
export interface Collector {
  /** Serves on a port of its own. `host` defaults to 127.0.0.1; keys that are their own name refuse any other than loopback. */
  listen(port: number, host?: string): Promise<Listening>
  fetch(request: Request): Promise<Response>
  handler(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** Whether the log, or the spool, took and kept something within the last seconds, proved by an append; or why not. */
  ready(): Promise<CollectorReadiness>
  /**
   * Stops being ready, keeps serving for `lameDuckMs` (defaults to that of the options) with `Connection: close`, then
   * takes no more connections and resolves when everything under way is answered. The second call waits for the first.
   */
  stop(options?: { readonly lameDuckMs?: number }): Promise<void>
}

/** Throws `CONFIG_INVALID` for an option that cannot work. */
export function createCollector(given: CollectorOptions): Collector {
  const options = resolveCollectorOptions(given)
  const { clock, keys, limits, log, logger, observer, random, spool } = options
  const health = readiness(spool ?? logProof(log), clock, logger)
  const reporting = { log, clock, observer, limits, onAppend: health.appended }
  const straight = spool?.appender(reporting) ?? appender(reporting)
  const appending = options.dedup === 'local' ? localDedup(straight, clock) : straight
  const take = intake({ ...options, appender: appending })
  const ofTenant = keys.isShared ? limits.maxTenantInFlightBytes : limits.maxInFlightBytes
  const events = eventsRequest(options, take, inFlight(limits.maxInFlightBytes, ofTenant))
  let phase: 'serving' | 'stopping' | 'stopped' = 'serving'
  let stopped: Promise<void> | undefined
  const underWay = new Set<Promise<unknown>>()

  const route = routes(options, events)

  /** Routes a request and answers it. Never rejects. */
  const respond = async (inbound: Inbound): Promise<Reply> => {
    const from = clock.monotonic()
    let pattern = 'other'
    let reply: Reply
    try {
      if (phase === 'stopped')
        throw new RequestRefused({ code: 'not_stored', detail: 'the collector has stopped' })
      if (inbound.target.length > limits.maxUrlBytes) {
        const limit = limits.maxUrlBytes
        throw new RequestRefused({
          code: 'uri_too_long',
          detail: `the URL has ${inbound.target.length} bytes`,
          limit,
        })
      }
      const cut = inbound.target.indexOf('?')
      const path = pathOf(inbound.target)
      const match = route(inbound.method, path)
      if (match.kind !== 'none') pattern = match.pattern
      if (match.kind === 'found') {
        const query = cut === -1 ? '' : inbound.target.slice(cut + 1)
        reply = await match.handler(inbound, { query, params: match.params })
      } else if (match.kind === 'wrong-method' && inbound.method === 'OPTIONS') {
        reply = {
          status: 204,
          headers: { allow: match.allow.join(', '), ...preflightHeaders(match.allow) },
          body: '',
        }
      } else if (match.kind === 'wrong-method') {
        const problem: Problem = {
          code: 'method_not_allowed',
          detail: `${pattern} takes ${match.allow.join(', ')}`,
        }
        throw new RequestRefused(problem, { allow: match.allow.join(', ') })
      } else throw new RequestRefused({ code: 'not_found', detail: `path ${path.slice(0, 200)}` })
    } catch (error) {
      reply = refusal(error)
    }
    Object.assign(reply.headers, corsHeaders(inbound, keys))
    observer.answered?.({ route: pattern, status: reply.status, seconds: (clock.monotonic() - from) / 1000 })
    return reply
  }

  const refusal = (error: unknown): Reply => {
    if (error instanceof RequestRefused) return problemAnswer(error.problem, random, error.headers)
    if (error instanceof BodyBroken)
      return problemAnswer({ code: 'body_incomplete', detail: 'the body broke off' }, random)
    logger.error({ err: error }, 'a request to the collector failed')
    return problemAnswer({ code: 'internal_error', detail: 'the cause is in the process log' }, random)
  }

  /** Counts what is under way, so that a stop can wait for it. */
  const track = async <T>(work: Promise<T>): Promise<T> => {
    underWay.add(work)
    try {
      return await work
    } finally {
      underWay.delete(work)
    }
  }

  const stopping = (): boolean => phase !== 'serving'
  const { otherwise } = options
  const others = otherwise && { otherwise, stopping, clock, random, logger, observer }
  const node = nodeFront({
    respond,
    clock,
    limits,
    logger,
    random,
    stopping,
    aside: ({ method = 'GET', url = '/' }) =>
      others && url.length <= limits.maxUrlBytes && route(method, pathOf(url)).kind === 'none'
        ? (req, res) => answerOtherwise(others, req, res)
        : undefined,
  })

  return {
    listen: (port, host = '127.0.0.1') => node.listen(port, host, keys.plainNames),
    fetch: async request => {
      const inbound = fetchInbound(request, options.plainKeysByFetch)
      return fetchResponse(request, await track(respond(inbound)))
    },
    handler: async (req, res) => {
      await track(node.handle(req, res))
    },
    ready: async () =>
      phase === 'serving' ? await health.ready() : { ready: false, reason: 'the collector is stopping' },
    stop: async ({ lameDuckMs = options.lameDuckMs } = {}) => {
      stopped ??= (async () => {
        phase = 'stopping'
        await node.stop({ lameDuckMs, timeoutMs: options.stopTimeoutMs })
        await Promise.allSettled(underWay)
        phase = 'stopped'
        events.close()
        appending.close()
      })()
      await stopped
    },
  }
}

/** Without the query. */
function pathOf(target: string): string {
  const cut = target.indexOf('?')
  return cut === -1 ? target : target.slice(0, cut)
}

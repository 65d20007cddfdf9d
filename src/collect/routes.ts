import type { AnyTopic } from '../schema/index.ts'
import { keyOf } from './credentials.ts'
import type { EventsRequest, EventsTarget } from './events-request.ts'
import type { Inbound, Reply } from './exchange.ts'
import type { Key } from './keys.ts'
import { landingPage } from './landing-page.ts'
import { dedupFacts } from './local-dedup.ts'
import type { ResolvedCollectorOptions } from './options.ts'
import { RequestRefused } from './problems.ts'
import { findReceipt } from './receipts.ts'
import { contentEncodings, mediaTypes } from './request-headers.ts'
import { router, type Match, type Route } from './router.ts'

/** Answers one path and method; throws {@link RequestRefused}. */
export type Handler = (
  inbound: Inbound,
  facts: { readonly query: string; readonly params: readonly string[] },
) => Reply | Promise<Reply>

/** What the collector serves: events in, and receipts, limits and a page out. */
export function routes(
  options: ResolvedCollectorOptions,
  events: EventsRequest,
): (method: string, path: string) => Match<Handler> {
  const { keys, limits, log, spool } = options

  const post =
    (target: EventsTarget): Handler =>
    (inbound, { query }) =>
      events.answer(inbound, keyOf(inbound, query, keys), target)

  const postToTopic: Handler = (inbound, { query, params: [name = ''] }) => {
    const key = keyOf(inbound, query, keys)
    return events.answer(inbound, key, { topic: topicOf(key, name), form: 'plain' })
  }

  const topicOf = (key: Key, name: string): AnyTopic => {
    const topic = key.topics.get(name)
    if (topic) return topic
    // To another tenant, a topic is not there at all.
    const code = keys.tenantHas(key.tenant, name) ? 'topic_forbidden' : 'topic_unknown'
    throw new RequestRefused({ code, detail: `topic ${JSON.stringify(name.slice(0, 200))}` })
  }

  const showReceipt: Handler = async (inbound, { query, params: [receipt = ''] }) => {
    const key = keyOf(inbound, query, keys)
    const found = await findReceipt({ log, spool }, key, receipt)
    if (found) return json(found)
    const detail = `receipt ${JSON.stringify(receipt.slice(0, 300))}`
    throw new RequestRefused({ code: 'receipt_unknown', detail })
  }

  const showLimits: Handler = () =>
    json({ limits, durability: log.durability, ...dedupFacts(options.dedup), mediaTypes, contentEncodings })

  const showPage: Handler = inbound => {
    const host = inbound.header('host') ?? ''
    const page = landingPage({
      base: `http://${/^[\w.:[\]-]+$/.test(host) ? host : 'localhost'}`,
      example: options.example,
      key: keys.plainNames[0],
      statusUrl: options.statusUrl,
    })
    return {
      status: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'",
      },
      body: page,
    }
  }

  return router<Handler>([
    { pattern: '/v1/events', methods: { POST: post({ topic: undefined, form: 'plain' }) } },
    { pattern: '/v1/topics/{topic}/events', methods: { POST: postToTopic } },
    { pattern: '/v1/receipts/{receipt}', methods: getAndHead(showReceipt) },
    { pattern: '/v1/limits', methods: getAndHead(showLimits) },
    { pattern: '/', methods: getAndHead(showPage) },
    ...Object.entries(options.aliases).map(([pattern, { topic, type, form = 'plain' }]): Route<Handler> => ({
      pattern,
      methods: { POST: post({ topic, type, form }) },
    })),
  ])
}

function getAndHead(handler: Handler): Record<string, Handler> {
  return { GET: handler, HEAD: handler }
}

function json(body: Record<string, unknown>): Reply {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  }
}

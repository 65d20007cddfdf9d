import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { authenticator, type AccessToken } from './access.ts'
import type { OperationHost } from './operations/operation.ts'
import { operationRoutes, unknownAsker, type Guarded } from './operations/routes.ts'
import { BY_HEADER } from './operations/remote.ts'
import { operations } from './operations/table.ts'
import { reportJson, type Readiness, type StatusReport } from './status-report.ts'
import { statusPage } from './status-page.ts'
import { stylesheet } from './status-style.ts'

/** What the admin side shows. Every method may be called often and at any time, also while nothing works. */
export interface AdminSource {
  /** Whether events can be taken in now, shown by a durable append of the last seconds. */
  ready(): Promise<Readiness>
  report(): Promise<StatusReport>
  readonly metrics: { readonly contentType: string; text(): Promise<string> }
  /** What the operations of its API work on. Throws `APP_NOT_RUNNING` while there is no open log. */
  host(): OperationHost
}

/** Names under which this machine reaches itself. */
export const loopbackNames: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** Asked by load balancers and supervisors, which have no token, and say nothing that one would want to hide. */
const openPaths: readonly string[] = ['/livez', '/readyz']

/**
 * The admin side as one `fetch(Request)` handler: `/livez`, `/readyz`, `/metrics`, the status page at `/` and the
 * same as `/status.json`, and the operations below `/api/v1` with their `/openapi.json`.
 *
 * Without `tokens` everybody who reaches it may do everything: it must be reached from this machine only.
 */
export function adminHandler(
  source: AdminSource,
  { tokens = [] }: { readonly tokens?: readonly AccessToken[] } = {},
): (request: Request) => Promise<Response> {
  const authenticate = authenticator(tokens)
  const admin = new Hono<Guarded>()
  admin.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      crossOriginResourcePolicy: 'same-origin',
      xFrameOptions: 'DENY',
      // It is served over plain HTTP on loopback.
      strictTransportSecurity: false,
    }),
  )
  admin.use(async (c, next) => {
    const host = c.req.header('host') ?? ''
    // A foreign name that resolves to 127.0.0.1 (DNS rebinding) makes a page of the attacker same-origin with this
    // one; only the Host header tells. With tokens such a page gains nothing: it has none.
    if (tokens.length === 0 && !loopbackNames.includes(host.replace(/:\d+$/, '').toLowerCase())) {
      return c.text(`This page answers to localhost only, not to ${host.slice(0, 100)}\n`, 421)
    }
    // A browser lets no other page read the answer; that it is asked at all is a sign.
    const origin = c.req.header('origin')
    if (origin !== undefined && !isOwnOrigin(origin, host))
      return c.text('Other pages may not ask this one\n', 403)
    c.header('cache-control', 'no-store')
    if (openPaths.includes(c.req.path)) return next()
    const actor = authenticate(c.req.header('authorization'))
    if (!actor) return unknownAsker(c)
    const claimed = c.req.header(BY_HEADER)
    // Where there are no tokens nobody is known; what somebody says of himself is written down as that.
    const isClaim = tokens.length === 0 && claimed !== undefined && /^[\w.@-]{1,100}$/.test(claimed)
    c.set('actor', isClaim ? { ...actor, name: `${actor.name}, says ${claimed}` } : actor)
    return next()
  })

  // Alive means that this process answers. It never looks at the log or at a database: restarting us heals neither.
  admin.get('/livez', c => c.text('ok\n'))
  admin.get('/readyz', async c => {
    const readiness = await source.ready()
    if (!readiness.ready) return c.text(`not ready: ${readiness.reason}\n`, 503)
    return c.text(readiness.note === undefined ? 'ready\n' : `ready: ${readiness.note}\n`)
  })
  admin.get('/metrics', async c =>
    c.body(await source.metrics.text(), 200, { 'content-type': source.metrics.contentType }),
  )
  admin.get('/status.json', async c =>
    c.body(reportJson(await source.report()), 200, { 'content-type': 'application/json' }),
  )
  admin.get('/style.css', c => c.body(stylesheet, 200, { 'content-type': 'text/css; charset=utf-8' }))
  admin.get('/', async c =>
    c.html(
      statusPage(await source.report(), {
        group: c.req.query('group'),
        refreshSeconds: c.req.query('refresh') === 'off' ? undefined : 2,
      }),
    ),
  )
  admin.route('/', operationRoutes({ host: () => source.host(), operations }))
  admin.notFound(c => c.text('There is nothing here. The status page is at /\n', 404))
  admin.onError((error, c) => c.text(`The status cannot be read: ${error.message}\n`, 500))
  return async request => admin.fetch(request)
}

function isOwnOrigin(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false
  const { hostname, host: named } = new URL(origin)
  return loopbackNames.includes(hostname) || named === host.toLowerCase()
}

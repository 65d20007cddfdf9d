import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Progress } from '../contract/progress.ts'
import type { Result } from '../contract/result.ts'
import { pageBundle, type PageBundle } from '../report/page-bundle.ts'
import { reportData } from '../report/report-data.ts'
import { reportPage } from '../report/report-page.ts'
import { liveHtml } from './live-html.ts'
import { afterProgress, beforeItBegan, type LiveState } from './live-state.ts'

export interface LivePageOptions {
  /** Of 127.0.0.1. Defaults to 0: any that is free. */
  readonly port?: number
}

export interface LivePage {
  readonly url: string
  /** Tells everybody who looks; whoever comes later gets the same state. */
  publish(progress: Progress): void
  /** Ends every connection. Idempotent. */
  close(): Promise<void>
}

const HOST = '127.0.0.1'
/** A browser that lost its connection tries again after so long. */
const RETRY_MS = 1_000
/** Viewers at once; one more is told to come again. */
const MAX_VIEWERS = 100

/**
 * The page that shows an experiment while it runs, by server-sent events at the pace of the progress (one message a second
 * for each arm). A viewer first gets the whole state, so that opening late or reconnecting shows the same. Loopback only,
 * and only under loopback names: another name that resolves to it would make a stranger's page same-origin.
 */
export async function startLivePage({ port = 0 }: LivePageOptions = {}): Promise<LivePage> {
  const bundles = { live: await pageBundle('live'), report: await pageBundle('report') }
  const viewers = new Set<ServerResponse>()
  let state: LiveState = beforeItBegan
  let result: Result | undefined

  const server = createServer((request, response) => {
    const route = isLocal(request) && request.method === 'GET' ? (request.url ?? '/') : undefined
    if (route === '/events') watch(response)
    else answer(response, route === undefined ? undefined : pageOf(route, state, result, bundles))
  })

  function watch(response: ServerResponse): void {
    if (viewers.size >= MAX_VIEWERS) {
      response.writeHead(503, { 'retry-after': '10' }).end()
      return
    }
    response.writeHead(200, { ...guarded, 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(`retry: ${RETRY_MS}\n${message('state', state)}`)
    viewers.add(response)
    response.on('close', () => viewers.delete(response))
  }

  await listening(server, port)
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}/`,
    publish(progress) {
      state = afterProgress(state, progress)
      if (progress.kind === 'ended') result = progress.result
      // A result may be large, and the page shows little of it.
      const text = progress.kind === 'ended' ? message('state', state) : message('progress', progress)
      for (const viewer of viewers) viewer.write(text)
    },
    async close() {
      for (const viewer of viewers) viewer.end()
      server.closeAllConnections()
      if (!server.listening) return
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}

const guarded = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

interface Answer {
  readonly type: string
  readonly body: string
  readonly policy?: string
}

const livePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

function pageOf(
  route: string,
  state: LiveState,
  result: Result | undefined,
  { live, report }: { readonly live: PageBundle; readonly report: PageBundle },
): Answer | undefined {
  switch (route) {
    case '/':
      return { type: 'text/html', body: liveHtml(state), policy: livePolicy }
    case '/live.js':
      return { type: 'text/javascript', body: live.script }
    case '/live.css':
      return { type: 'text/css', body: live.style }
    case '/report':
      // Its own policy is in its head.
      return result && { type: 'text/html', body: reportPage(reportData(result), report) }
    case '/result.json':
      return result && { type: 'application/json', body: JSON.stringify(result) }
    default:
      return undefined
  }
}

function answer(response: ServerResponse, found: Answer | undefined): void {
  if (found === undefined) {
    response.writeHead(404, { ...guarded, 'content-type': 'text/plain' }).end('not here\n')
    return
  }
  const { type, body, policy } = found
  const headers = { ...guarded, 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' }
  response
    .writeHead(200, policy === undefined ? headers : { ...headers, 'content-security-policy': policy })
    .end(body)
}

function isLocal({ headers }: IncomingMessage): boolean {
  const name = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  return name === 'localhost' || name === HOST || name === '[::1]'
}

/** JSON has no line breaks of its own, so one line carries it. */
function message(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

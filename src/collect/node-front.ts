import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { HoldfastError, sleep, type Clock, type Logger, type Random } from '../event/index.ts'
import { problemAnswer } from './answers.ts'
import { isLoopbackName } from './credentials.ts'
import { BodyBroken, type Inbound, type Reply } from './exchange.ts'
import type { CollectorLimits } from './limits.ts'
import { OpenRequests } from './open-requests.ts'
import { problemCatalogue, type ProblemCode } from './problems.ts'
import { takeInBacklog } from './take-in-backlog.ts'

export interface Listening {
  readonly host: string
  readonly port: number
  readonly url: string
}

/** `node:http` around the pipeline: a server of our own, and one request for servers of others. */
export interface NodeFront {
  /** Rejects with `CONFIG_INVALID` when one of `plainKeys` would be reachable from elsewhere. */
  listen(port: number, host: string, plainKeys: readonly string[]): Promise<Listening>
  /** Resolves when the answer was handed to the system. Never rejects. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  stop(patience: { readonly lameDuckMs: number; readonly timeoutMs: number }): Promise<void>
}

export interface NodeFrontParts {
  readonly respond: (inbound: Inbound) => Promise<Reply>
  readonly stopping: () => boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: CollectorLimits
  /** Answers what is not the collector's; undefined for what is. */
  readonly aside: (
    req: IncomingMessage,
  ) => ((req: IncomingMessage, res: ServerResponse) => Promise<void>) | undefined
}

/** What a sender may still push after it was refused, so that it reads the answer instead of a reset. */
const MAX_DISCARDED_BYTES = 1024 * 1024
const MAX_DISCARD_MS = 2_000
/** How long a stop waits for connections on which nothing was asked yet. */
const SILENCE_MS = 500
/** The pipeline ends a late body itself, with a better answer; the server's own limit is behind it. */
const BACKSTOP_MS = 5_000

export function nodeFront(parts: NodeFrontParts): NodeFront {
  let server: Server | undefined
  const open = new OpenRequests()

  const handle = async (req: IncomingMessage, res: ServerResponse, mustContinue = false): Promise<void> => {
    open.add(res)
    try {
      const aside = parts.aside(req)
      if (aside && mustContinue) res.writeContinue()
      await (aside ? aside(req, res) : answer(parts, req, res, mustContinue))
    } catch (error) {
      parts.logger.error({ err: error }, 'an answer of the collector could not be written')
      res.destroy()
    } finally {
      open.delete(res)
    }
  }

  return {
    handle: (req, res) => handle(req, res),
    async listen(port, host, plainKeys) {
      if (plainKeys.length > 0 && !isLoopbackName(host)) {
        throw new HoldfastError('CONFIG_INVALID', {
          detail: `collector: host ${host} would be reached from elsewhere with the key ${plainKeys[0]}, which everybody knows; make a real one with makeKey, or bind 127.0.0.1`,
        })
      }
      if (server) throw new HoldfastError('CONFIG_INVALID', { detail: 'collector: it listens already' })
      server = boundedServer(parts.limits)
      server.on('request', (req, res) => void handle(req, res))
      server.on('checkContinue', (req, res) => void handle(req, res, true))
      server.on('clientError', (error, socket) =>
        refuseConnection(error, socket as Socket, open, parts.random),
      )
      await bound(server, port, host)
      const address = server.address()
      const at = typeof address === 'object' && address !== null ? address.port : port
      return { host, port: at, url: `http://${host.includes(':') ? `[${host}]` : host}:${at}` }
    },
    async stop({ lameDuckMs, timeoutMs }) {
      const stopping = server
      if (!stopping) return
      if (lameDuckMs > 0) await sleep(parts.clock, lameDuckMs)
      await takeInBacklog(stopping, parts.clock)
      const closed = new Promise<void>(resolve => void stopping.close(() => resolve()))
      const late = Promise.withResolvers<void>()
      const cancel = parts.clock.after(timeoutMs, () => late.resolve())
      const waiting = new AbortController()
      const answered = async (): Promise<void> => {
        await open.none()
        await sleep(parts.clock, SILENCE_MS, waiting.signal) // who was taken in just now is about to send
        await open.none()
      }
      await Promise.race([closed, answered(), late.promise])
      waiting.abort()
      cancel()
      // What is left has no request under way, or had its time.
      stopping.closeAllConnections()
      await closed
    },
  }
}

function boundedServer(limits: CollectorLimits): Server {
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headerTimeoutMs,
    requestTimeout: limits.requestTimeoutMs + BACKSTOP_MS,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // How often the two above are looked at; the default of 30 s would make them mean something else.
    connectionsCheckingInterval: Math.min(1_000, Math.ceil(limits.headerTimeoutMs / 4)),
    insecureHTTPParser: false,
    requireHostHeader: true,
  })
  server.maxConnections = limits.maxConnections
  // A connection on which nothing moves at all, in either direction: a reader that does not take its answer.
  server.timeout = limits.requestTimeoutMs + limits.appendTimeoutMs + BACKSTOP_MS
  return server
}

function bound(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function answer(
  { respond, stopping, clock }: NodeFrontParts,
  req: IncomingMessage,
  res: ServerResponse,
  mustContinue: boolean,
): Promise<void> {
  req.on('error', ignore)
  res.on('error', ignore)
  const inbound = new NodeInbound(req, mustContinue ? res : undefined)
  const { status, headers, body } = await respond(inbound)
  if (res.destroyed || req.socket.destroyed) return
  const unread = !req.complete
  const close = stopping() || status === 408 || (unread && mustContinue && !inbound.reading)
  // With `close` the connection ends with the answer, so what is still on its way is taken in before.
  if (unread && close && status !== 408 && (inbound.reading || !mustContinue)) await takeRest(req, clock)
  if (res.destroyed) return
  const finished = new Promise<void>(resolve => res.on('close', resolve))
  if (status !== 204) headers['content-length'] = String(Buffer.byteLength(body))
  if (close) headers['connection'] = 'close'
  res.writeHead(status, headers)
  res.end(body)
  if (unread && !close) void takeRest(req, clock).then(() => req.complete || req.destroy())
  await finished
}

/**
 * A class, because a getter in a literal would be a new function for each request, and so V8 would make a new hidden
 * class for each: those keep their requests alive until the old generation is collected.
 */
class NodeInbound implements Inbound {
  reading = false
  readonly #req: IncomingMessage
  readonly #asksToContinue: ServerResponse | undefined
  #fail: (error: unknown) => void = ignore

  constructor(req: IncomingMessage, asksToContinue: ServerResponse | undefined) {
    this.#req = req
    this.#asksToContinue = asksToContinue
  }

  get method(): string {
    return this.#req.method ?? 'GET'
  }

  get target(): string {
    return this.#req.url ?? '/'
  }

  get local(): boolean {
    return isLoopbackName(this.#req.socket.localAddress ?? '')
  }

  header(name: string): string | undefined {
    const value = this.#req.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  read(onChunk: (chunk: Uint8Array) => void | Promise<void>): Promise<void> {
    const req = this.#req
    this.reading = true
    this.#asksToContinue?.writeContinue()
    return new Promise((resolve, reject) => {
      if (req.readableEnded) {
        const detail = 'the body was read before it reached the collector; mount it before body parsers'
        throw new HoldfastError('CONFIG_INVALID', { detail: `collector: ${detail}` })
      }
      const onData = (chunk: Buffer): void => {
        try {
          const work = onChunk(chunk)
          if (!work) return
          req.pause()
          work.then(() => void req.resume(), fail)
        } catch (error) {
          fail(error)
        }
      }
      const fail = (error: unknown): void => {
        req.off('data', onData)
        reject(error)
      }
      this.#fail = fail
      req.on('data', onData)
      req.on('end', () => (req.complete ? resolve() : fail(new BodyBroken())))
      // After every end, and after an error.
      req.on('close', () => req.readableEnded || fail(new BodyBroken(req.errored)))
    })
  }

  breakOff(error: Error): void {
    this.#fail(error)
  }
}

/** A sender that goes away is seen by whoever reads or writes. */
function ignore(): void {}

/**
 * Lets a refused sender finish a little, because closing with unread bytes resets the connection, and a reset can
 * overtake the answer.
 */
async function takeRest(req: IncomingMessage, clock: Clock): Promise<void> {
  let left = MAX_DISCARDED_BYTES
  const over = Promise.withResolvers<void>()
  const cancel = clock.after(MAX_DISCARD_MS, over.resolve)
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) over.resolve()
  })
  req.once('close', over.resolve)
  req.once('end', over.resolve)
  req.resume()
  await over.promise
  cancel()
}

/** Answers what the parser refused or the server's time limits ended. */
function refuseConnection(
  error: NodeJS.ErrnoException,
  socket: Socket,
  open: OpenRequests,
  random: Random,
): void {
  // An answer now would be taken for the answer to the oldest request under way. That is right only if it is this very
  // request whose body broke.
  const [oldest, ...more] = open.on(socket)
  const ofAnother = oldest !== undefined && (oldest.req.complete || oldest.headersSent || more.length > 0)
  if (error.code === 'ECONNRESET' || !socket.writable || ofAnother) {
    socket.destroy()
    return
  }
  const code: ProblemCode =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'headers_too_large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request_timeout'
        : 'malformed_request'
  const { status, headers, body } = problemAnswer({ code, detail: problemCatalogue[code].title }, random)
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${code}\r\n${head}\r\n${body}`)
}

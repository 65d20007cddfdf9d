import { othersTurn, partitionId, type Clock, type TopicPartition } from '../../event/index.ts'
import { fetchAnswer, TOPIC_IDS_FROM, type Fetched, type FetchFailure } from './fetch-answer.ts'
import type { Broker, Link, MakeLink } from './link.ts'
import { READ_COMMITTED } from './positions.ts'

/** One partition, from one offset on. */
export interface FetchAsk extends TopicPartition {
  readonly topicId: string
  readonly offset: bigint
  readonly maxBytes: number
  /** How long it may wait for a record. Milliseconds. */
  readonly waitMs: number
}

export interface FetchHubDeps {
  readonly makeLink: MakeLink
  readonly clock: Clock
  readonly requestTimeoutMs: number
  /** Told of every answer for a partition, also of one that brought no record. */
  readonly answered: (broker: Broker, ask: FetchAsk, fetched: Fetched) => void
}

/**
 * Fetches of all readers of this process. A broker answers one request of a connection after the other, and a fetch may
 * wait there; so what waits for the same broker goes out as one request, and in two steps: at first a request that never
 * waits, whose answer is at once here for whoever is behind; then, for those at the end, one of few connections on which
 * a request waits for the first record of any of its partitions. A reader that is behind never stands behind one that
 * waits.
 */
export class FetchHub {
  readonly #deps: FetchHubDeps
  readonly #links: Links
  readonly #stations = new Map<string, Station>()

  constructor(deps: FetchHubDeps) {
    const { makeLink, requestTimeoutMs } = deps
    this.#deps = deps
    this.#links = {
      quick: makeLink({ requestTimeoutMs }),
      waiting: Array.from({ length: WAITING_LINKS }, () =>
        makeLink({ requestTimeoutMs: requestTimeoutMs + LONGEST_WAIT_MS }),
      ),
    }
  }

  /** Undefined when `signal` aborted. Without batches when there were none in time. Rejects as the request does. */
  fetch(broker: Broker, ask: FetchAsk, signal: AbortSignal): Promise<Fetched | undefined> {
    const address = addressOf(broker)
    let station = this.#stations.get(address)
    if (station === undefined)
      this.#stations.set(address, (station = new Station(broker, this.#links, this.#deps)))
    return station.fetch(ask, signal)
  }

  async close(): Promise<void> {
    await Promise.all([this.#links.quick, ...this.#links.waiting].map(link => link.close()))
  }
}

export function addressOf({ host, port }: Broker): string {
  return `${host}:${port}`
}

interface Links {
  readonly quick: Link
  readonly waiting: readonly Link[]
}

/** Connections to each broker on which requests wait: a reader that comes to the end while all do joins the next one. */
const WAITING_LINKS = 3
/** So long such a request waits, and so long at most a reader for the next one. Milliseconds. */
const LONGEST_WAIT_MS = 100
const MAX_ANSWER_BYTES = 8 * 1024 * 1024

interface Waiting extends FetchAsk {
  readonly deadline: number
  readonly settle: (answer: Fetched | undefined, error?: unknown) => void
  over: boolean
}

/** What goes to one broker. */
class Station {
  readonly #broker: Broker
  readonly #links: Links
  readonly #deps: FetchHubDeps
  /** Not asked yet. */
  #fresh: Waiting[] = []
  #isQuickBusy = false
  /** Were at the end when they were asked last. */
  #atEnd: Waiting[] = []
  readonly #free: Link[]

  constructor(broker: Broker, links: Links, deps: FetchHubDeps) {
    this.#broker = broker
    this.#links = links
    this.#deps = deps
    this.#free = [...links.waiting]
  }

  fetch(ask: FetchAsk, signal: AbortSignal): Promise<Fetched | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Fetched | undefined>()
    const waiting: Waiting = {
      ...ask,
      deadline: this.#deps.clock.monotonic() + ask.waitMs,
      over: false,
      settle(answer, error) {
        if (waiting.over) return
        waiting.over = true
        signal.removeEventListener('abort', aborted)
        if (error === undefined) resolve(answer)
        else reject(error)
      },
    }
    const aborted = (): void => waiting.settle(undefined)
    signal.addEventListener('abort', aborted)
    if (signal.aborted) aborted()
    else {
      this.#fresh.push(waiting)
      void this.#askFresh()
    }
    return promise
  }

  async #askFresh(): Promise<void> {
    if (this.#isQuickBusy) return
    this.#isQuickBusy = true
    await othersTurn() // who asks in the same turn is in the same request
    while (this.#fresh.length > 0) {
      const { together, later } = oneEach(this.#fresh)
      this.#fresh = later
      await this.#ask(this.#links.quick, together, 0)
    }
    this.#isQuickBusy = false
  }

  async #askAtEnd(): Promise<void> {
    const link = this.#free.pop()
    if (link === undefined) return
    await othersTurn()
    while (this.#atEnd.length > 0) {
      const { together, later } = oneEach(this.#atEnd)
      this.#atEnd = later
      await this.#ask(link, together, LONGEST_WAIT_MS)
    }
    this.#free.push(link)
  }

  /** One request; each of `asks` is settled, or waits at the end. */
  async #ask(link: Link, asks: readonly Waiting[], longestWaitMs: number): Promise<void> {
    try {
      const answer = await this.#send(link, asks, longestWaitMs)
      for (const ask of distinct(asks)) {
        const got = answer(ask)
        if (got !== undefined && 'batches' in got) this.#deps.answered(this.#broker, ask, got)
      }
      for (const ask of asks) {
        const got = answer(ask)
        if (got === undefined) ask.settle(undefined, new Error(`no answer for ${partitionId(ask)}`))
        else if ('errorCode' in got) ask.settle(undefined, link.errorOf(got.errorCode))
        else if ('error' in got) ask.settle(undefined, got.error)
        else this.#settle(ask, got, asks.length > 1)
      }
    } catch (error) {
      for (const ask of asks) ask.settle(undefined, error)
    }
    if (this.#fresh.length > 0) void this.#askFresh()
    if (this.#atEnd.length > 0) void this.#askAtEnd()
  }

  #settle(ask: Waiting, got: Fetched, isAmongOthers: boolean): void {
    if (got.next !== undefined) {
      ask.settle(got)
      // Who wants another place of what came need not ask for it.
      for (const other of [...this.#fresh, ...this.#atEnd])
        if (isSamePartition(ask, other) && ask.offset <= other.offset && other.offset < got.next)
          other.settle(got)
    }
    // There are records, and none came: of a request, only the first partition that has any answers one that is larger
    // than its `maxBytes`, or than what is left of the whole answer. With each request one more is served.
    else if (isAmongOthers && ask.offset < got.end) this.#fresh.push(ask)
    else if (this.#deps.clock.monotonic() >= ask.deadline) ask.settle(got)
    else if (!ask.over) this.#atEnd.push(ask)
  }

  async #send(
    link: Link,
    asks: readonly Waiting[],
    longestWaitMs: number,
  ): Promise<(ask: FetchAsk) => Fetched | FetchFailure | undefined> {
    const send = await link.reachRaw(this.#broker, 'Fetch')
    const idOf = ({ topic, topicId }: FetchAsk): string => (send.version >= TOPIC_IDS_FROM ? topicId : topic)
    const topics = new Map<string, FetchAsk[]>()
    for (const ask of distinct(asks)) topics.set(idOf(ask), [...(topics.get(idOf(ask)) ?? []), ask])
    const first = Math.min(...asks.map(({ deadline }) => deadline)) - this.#deps.clock.monotonic()
    const waitMs = Math.max(0, Math.min(longestWaitMs, Math.ceil(first)))
    const request = [...topics].map(([topicId, of]) => ({ topicId, partitions: of.map(wanted) }))
    const bytes = await send(waitMs, 1, MAX_ANSWER_BYTES, READ_COMMITTED, 0, NO_SESSION, request, [], '')
    const { errorCode, partitions } = fetchAnswer(bytes, send.version, link.decompress)
    if (errorCode !== 0) throw link.errorOf(errorCode)
    return ask => partitions.get(`${idOf(ask)}/${ask.partition}`)
  }
}

function isSamePartition(a: FetchAsk, b: FetchAsk): boolean {
  return a.topicId === b.topicId && a.partition === b.partition
}

/** A request can name a partition once. Who asks for it from the same offset shares the answer; others come later. */
function oneEach(asks: readonly Waiting[]): { together: Waiting[]; later: Waiting[] } {
  const from = new Map<string, bigint>()
  const together: Waiting[] = []
  const later: Waiting[] = []
  for (const ask of asks) {
    if (ask.over) continue
    const id = `${ask.topicId}/${ask.partition}`
    const taken = from.get(id)
    if (taken === undefined) from.set(id, ask.offset)
    if (taken === undefined || taken === ask.offset) together.push(ask)
    else later.push(ask)
  }
  return { together, later }
}

function distinct(asks: readonly FetchAsk[]): FetchAsk[] {
  return [...new Map(asks.map(ask => [`${ask.topicId}/${ask.partition}`, ask])).values()]
}

function wanted({ partition, offset, maxBytes }: FetchAsk): {
  partition: number
  currentLeaderEpoch: number
  fetchOffset: bigint
  lastFetchedEpoch: number
  partitionMaxBytes: number
} {
  return {
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: offset,
    lastFetchedEpoch: -1,
    partitionMaxBytes: maxBytes,
  }
}

const NO_SESSION = -1

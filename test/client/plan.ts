import { createHash } from 'node:crypto'

/** What to send, when and how. Everything is fixed before the first event goes out. */
export interface Load {
  /** Where each event is posted to. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly ratePerSecond: number
  readonly seconds: number
  readonly keys: number
  /** The number of the first key, so that two loads at once can keep apart. Defaults to 0. */
  readonly firstKey?: number
  /** 0 takes the keys evenly; 1 is the classic Zipf, where the first key of 64 gets a fifth. Defaults to 0. */
  readonly zipf?: number
  readonly seed: number
  /** Begins each id, so that two runs on one store stay apart. */
  readonly run: string
  /** The request, with `{id}`, `{key}`, `{n}` and `{data}`. */
  readonly body: string
  /** The payload, with `{id}`, `{key}` and `{n}`. Its bytes are hashed in the ledger. */
  readonly data: string
  /** Another request or payload for one event in `every`. */
  readonly odd?: { readonly every: number; readonly body?: string; readonly data?: string }
  /** Requests under way at once; an event that is due above it is not sent and counts as unsent. Defaults to 1,000. */
  readonly maxInFlight?: number
  /** A request without an answer for so long is given up. Defaults to 30,000. */
  readonly timeoutMs?: number
  /** Sends of one event at most. Defaults to 1: what is refused stays refused and shows. */
  readonly attempts?: number
  /** File of the ledger; begun anew. */
  readonly ledger: string
}

export interface PlannedEvent {
  /** Milliseconds after the start. */
  readonly dueAt: number
  readonly id: string
  readonly key: string
  readonly body: string
  readonly hash: string
}

/** The events of a load in the order in which they are due. The same load gives the same plan. */
export function planOf(load: Load): PlannedEvent[] {
  const random = mulberry32(load.seed)
  const nextKey = keyPicker(load.keys, load.zipf ?? 0, load.firstKey ?? 0)
  return Array.from({ length: Math.round(load.ratePerSecond * load.seconds) }, (_, n) => {
    const id = `${load.run}-${n}`
    const key = nextKey(random())
    const odd = load.odd && n % load.odd.every === load.odd.every - 1 ? load.odd : undefined
    const fill = (template: string): string =>
      template.replaceAll('{id}', id).replaceAll('{key}', key).replaceAll('{n}', String(n))
    const data = fill(odd?.data ?? load.data)
    // The payload last: braces inside it are its own.
    const body = fill(odd?.body ?? load.body).replace('{data}', () => data)
    const hash = createHash('sha256').update(data).digest('hex')
    return { dueAt: (n * 1000) / load.ratePerSecond, id, key, body, hash }
  })
}

/** A key by a number in [0, 1): the weight of key `k` is `1 / (k + 1) ** skew`. */
function keyPicker(keys: number, skew: number, first: number): (at: number) => string {
  let total = 0
  const upTo = Array.from({ length: keys }, (_, k) => (total += 1 / (k + 1) ** skew))
  return at => {
    let [low, high] = [0, keys - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((upTo[middle] ?? 0) > at * total) high = middle
      else low = middle + 1
    }
    return `k${first + low}`
  }
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

import { timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { HoldfastError, sha256, systemRandom, type Clock, type Random } from '../event/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import { rateLimiter, type RateLimiter } from './rate-limiter.ts'
import { attributeFault } from './text-rules.ts'

/**
 * What a key may do. Publishable keys (`pk_…`) may stand in pages; secret keys (`sk_…`) stay on servers. Both only
 * write events and look up receipts.
 */
export interface KeyOptions {
  /** Whose events these are. Taken from the key only, never from a body. Holds no `/`. */
  readonly tenant: string
  /**
   * SHA-256 of the whole key in hexadecimal, as {@link makeKey} gives it; two while it is being rotated. Without it the
   * name is the key itself, for demos: such a key works only on the machine itself.
   */
  readonly sha256?: string | readonly string[]
  /** Names of the topics it may send to. Defaults to all topics of the collector. */
  readonly topics?: readonly string[]
  /**
   * Browser origins that may use it, such as `https://shop.example`, or `*` for any. Requests without an Origin header
   * are not held against it. Defaults to none.
   */
  readonly origins?: readonly string[]
  /** Events a second, with a burst of as many. Defaults to `limits.keyEventsPerSecond`. */
  readonly eventsPerSecond?: number
}

/** A key, ready to be used. */
export interface Key {
  readonly name: string
  readonly tenant: string
  /** Its name is the key: good only on the machine itself. */
  readonly plain: boolean
  readonly topics: ReadonlyMap<string, AnyTopic>
  /** Which topic an event type goes to when the request names none. */
  readonly routes: ReadonlyMap<string, AnyTopic>
  /** Of the key, in events. */
  readonly rate: RateLimiter
  /** Of its tenant, in bytes: shared by all keys of the tenant. */
  readonly bytes: RateLimiter
  allows(origin: string): boolean
}

export interface KeyRing {
  /** The key that was presented, compared in constant time; undefined when there is none. */
  find(presented: string): Key | undefined
  /** Whether a key of this tenant may use the topic: to others of the tenant it is known, to other tenants it is not. */
  tenantHas(tenant: string, topic: string): boolean
  /** Whether any key may be used by pages of the origin: then they may read the answers, refusals included. */
  allowsOrigin(origin: string): boolean
  /** More than one tenant sends here: then each has its share of what all have together. */
  readonly isShared: boolean
  /** Names that are keys themselves. */
  readonly plainNames: readonly string[]
}

/** A fresh key: `key` goes to its user, `name` and `sha256` into the options. `random` must be cryptographic. */
export function makeKey(
  kind: 'pk' | 'sk',
  random: Random = systemRandom,
): { readonly key: string; readonly name: string; readonly sha256: string } {
  const text = (length: number, alphabet: string): string =>
    Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('')
  const name = `${kind}_${text(8, base62.slice(0, 36))}`
  const body = `${name}_${text(SECRET_LENGTH, base62)}`
  const key = body + check(body)
  return { key, name, sha256: sha256(key).toString('hex') }
}

/**
 * Checks the keys and resolves what each may do. `typeTopics` settles types that two topics declare.
 *
 * Throws `CONFIG_INVALID` for a name, tenant, hash, topic or rate that cannot work, and for a type that a key could
 * send to two topics.
 */
export function keyRing(
  keys: Readonly<Record<string, KeyOptions>>,
  options: {
    readonly topics: readonly AnyTopic[]
    readonly typeTopics: Readonly<Record<string, AnyTopic>>
    readonly keyEventsPerSecond: number
    readonly tenantBytesPerSecond: number
    readonly clock: Clock
  },
): KeyRing {
  const tenants = new Map<string, RateLimiter>()
  const bytesOf = (tenant: string): RateLimiter => {
    const known = tenants.get(tenant) ?? rateLimiter(options.tenantBytesPerSecond, options.clock)
    tenants.set(tenant, known)
    return known
  }
  const entries = new Map(
    Object.entries(keys).map(([name, given]) => [name, entryOf(name, given, bytesOf, options)]),
  )
  if (entries.size === 0) refuse('keys', 'is empty: nobody could send anything')
  const all = [...entries.values()]
  // Compared with when no such key is known, so that both cases take the same time.
  const nobody = sha256('')
  return {
    isShared: tenants.size > 1,
    plainNames: all.filter(({ key }) => key.plain).map(({ key }) => key.name),
    find(presented) {
      const entry = entries.get(nameOf(presented))
      if (entry?.key.plain) return entry.key // no secret, so nothing to compare
      const presentedHash = sha256(presented)
      let same = false
      for (const known of entry?.hashes ?? [nobody]) if (timingSafeEqual(known, presentedHash)) same = true
      return same ? entry?.key : undefined
    },
    tenantHas: (tenant, topic) => all.some(({ key }) => key.tenant === tenant && key.topics.has(topic)),
    allowsOrigin: origin => all.some(({ key }) => key.allows(origin)),
  }
}

const base62 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const SECRET_LENGTH = 32
const CHECK_LENGTH = 6
const realName = /^[ps]k_[a-z0-9]{1,32}$/
const realKey = new RegExp(`^([ps]k_[a-z0-9]{1,32})_[A-Za-z0-9]{${SECRET_LENGTH + CHECK_LENGTH}}$`)

/** Six characters from a CRC-32, as other makers of tokens do: a scanner or a typo is told from a key without a look-up. */
function check(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let i = 0; i < CHECK_LENGTH; i++) {
    text = base62.charAt(rest % 62) + text
    rest = Math.floor(rest / 62)
  }
  return text
}

function nameOf(presented: string): string {
  const name = realKey.exec(presented)?.[1]
  if (name === undefined) return presented
  return check(presented.slice(0, -CHECK_LENGTH)) === presented.slice(-CHECK_LENGTH) ? name : ''
}

function entryOf(
  name: string,
  given: KeyOptions,
  bytesOf: (tenant: string) => RateLimiter,
  options: Parameters<typeof keyRing>[1],
): { readonly key: Key; readonly hashes: readonly Buffer[] } {
  const plain = given.sha256 === undefined
  if (!(plain ? /^[ps]k_[a-z0-9_]{1,64}$/ : realName).test(name))
    refuse(`keys[${JSON.stringify(name)}]`, 'must be named pk_ or sk_ and a to z, 0 to 9')
  const fault = attributeFault(given.tenant, 128) ?? (given.tenant.includes('/') ? 'it holds /' : undefined)
  if (fault) refuse(`keys.${name}.tenant`, `${JSON.stringify(given.tenant)}: ${fault}`)
  const hashes = [given.sha256 ?? []].flat()
  for (const hash of hashes)
    if (!/^[0-9a-f]{64}$/i.test(hash)) refuse(`keys.${name}.sha256`, 'must be 64 hexadecimal digits')
  const perSecond = given.eventsPerSecond ?? options.keyEventsPerSecond
  if (!(perSecond > 0) || !Number.isFinite(perSecond))
    refuse(`keys.${name}.eventsPerSecond`, `must be a number above 0, got ${perSecond}`)
  const topics = topicsOf(name, given, options.topics)
  const origins = new Set(given.origins)
  return {
    hashes: hashes.map(hash => Buffer.from(hash, 'hex')),
    key: {
      name,
      tenant: given.tenant,
      plain,
      topics,
      routes: routesOf(name, topics, options.typeTopics),
      rate: rateLimiter(perSecond, options.clock),
      bytes: bytesOf(given.tenant),
      allows: origin => origins.has(origin) || origins.has('*'),
    },
  }
}

function topicsOf(name: string, given: KeyOptions, declared: readonly AnyTopic[]): Map<string, AnyTopic> {
  const known = new Map(declared.map(topic => [topic.name, topic]))
  if (given.topics === undefined) return known
  return new Map(
    given.topics.map(topic => {
      const found = known.get(topic)
      if (!found)
        throw invalid(
          `keys.${name}.topics`,
          `names ${JSON.stringify(topic)}, which the collector does not have`,
        )
      return [topic, found]
    }),
  )
}

function routesOf(
  name: string,
  topics: ReadonlyMap<string, AnyTopic>,
  typeTopics: Readonly<Record<string, AnyTopic>>,
): Map<string, AnyTopic> {
  const routes = new Map<string, AnyTopic>()
  for (const topic of topics.values()) {
    for (const type of topic.types.keys()) {
      const other = routes.get(type)
      const chosen = Object.hasOwn(typeTopics, type) ? typeTopics[type] : undefined
      if (other && chosen !== other && chosen !== topic) {
        refuse(
          `keys.${name}`,
          `may send ${JSON.stringify(type)} to ${other.name} and to ${topic.name}; name one in typeTopics, or narrow the topics of the key`,
        )
      }
      if (!other || chosen === topic) routes.set(type, topic)
    }
  }
  return routes
}

function invalid(option: string, detail: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { detail: `collector: ${option} ${detail}` })
}

function refuse(option: string, detail: string): never {
  throw invalid(option, detail)
}

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { topic } from '../schema/index.ts'
import { GroupDeclaration } from './group.ts'
import { laneSettings, resolveGroup, type Batch } from './settings.ts'
import type { ConsumerPolicy } from './handlers.ts'

const keyed = topic('keyed', { key: 'id', events: { a: z.object({ id: z.string() }) } })
const plain = topic('plain', { events: { b: z.object({}) } })
type Policy = ConsumerPolicy<boolean, string>

describe('settings of a group', () => {
  it('has these defaults', () => {
    const { topics, handlers, ...rest } = resolveGroup('g', [keyed], { from: 'earliest' })
    expect(topics).toEqual([keyed])
    expect(handlers.size).toBe(0)
    expect(rest).toEqual({
      group: 'g',
      from: 'earliest',
      order: 'key',
      concurrency: 16,
      concurrencyChosen: false,
      ratePerSecond: undefined,
      retryDelaysMs: [1_000, 30_000, 300_000],
      whenDead: 'continue',
      maxParked: 100_000,
      deadlineMs: 30_000,
      deadShare: 0.2,
      unhandled: 'skip',
      dedup: 'ids',
      needs: {},
      onError: undefined,
      maxInFlight: 1_000,
      batch: undefined,
    })
    expect(resolveGroup('g', [keyed, plain], { from: 'latest' }).order).toBe('partition')
  })

  const cases: [string, string, Partial<Policy>, string][] = [
    ['no room in the retry lane', 'g', { maxParked: 0 }, 'maxParked must be a whole number from 1, got 0'],
    [
      'an unknown word for the dead',
      'g',
      { whenDead: 'wait' as never },
      "whenDead must be 'continue' or 'hold', got wait",
    ],
    ['a dot in the name', 'a.b', {}, 'a dot would make <topic>.<group>.dead ambiguous'],
    [
      'no start',
      'g',
      { from: undefined as never },
      "from must be 'earliest', 'latest' or a Date, got undefined",
    ],
    ['a date that is none', 'g', { from: new Date('x') }, 'from must be'],
    ['no handlers at once', 'g', { concurrency: 0 }, 'concurrency must be a whole number from 1, got 0'],
    [
      'half an event in flight',
      'g',
      { maxInFlight: 1.5 },
      'maxInFlight must be a whole number from 1, got 1.5',
    ],
    ['offsets without their order', 'g', { dedup: 'offsets' }, "dedup 'offsets' needs order 'partition'"],
    ['a share of more than all', 'g', { deadShare: 2 }, 'deadShare must be above 0 and at most 1, got 2'],
    ['a bad wait', 'g', { retry: ['1s', '5x' as never] }, 'retry[1] must be a duration'],
    ['a deadline of nothing', 'g', { deadline: '0ms' }, 'deadline must be at least 1ms'],
    [
      'an order that is none',
      'g',
      { order: 'random' as never },
      "order must be 'key', 'partition' or 'none', got random",
    ],
    [
      'a need called db',
      'g',
      { needs: { db: { probe: async () => {} } } },
      'needs.db is the database itself',
    ],
    [
      'a breaker that never opens',
      'g',
      { needs: { geo: { probe: async () => {}, breaker: { failures: 0 } } } },
      'needs.geo.breaker: failures must be',
    ],
  ]
  it.each(cases)('refuses %s', (_, group, policy, message) => {
    expect(() => resolveGroup(group, [keyed], { from: 'earliest', ...policy })).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
    )
  })

  it('refuses topics that do not go together with it', () => {
    const policy: Policy = { from: 'earliest' }
    expect(() => resolveGroup('g', [], policy)).toThrow('it names no topic')
    expect(() => resolveGroup('g', [keyed, keyed], policy)).toThrow('a topic is named twice')
    expect(() => resolveGroup('g', [plain], { ...policy, order: 'key' })).toThrow('plain has none')
    expect(() => resolveGroup('g', [topic('a.g.dead', { events: { a: z.object({}) } })], policy)).toThrow(
      'ends like a retry lane or dead-letter topic',
    )
  })

  it('lets entries of its retry lane share runs where handlers take batches, and no rate counts events', () => {
    const together = (max: number | undefined, policy: Partial<Policy> = {}): unknown => {
      const settings = resolveGroup('g', [keyed], { from: 'earliest', ...policy })
      const batch = max === undefined ? undefined : ({ max, withinMs: 5 } as Batch)
      const { maxTogether, maxRuns } = laneSettings({ ...settings, batch })
      return [maxTogether, maxRuns]
    }
    expect(together(undefined)).toEqual([1, 16])
    expect(together(undefined, { concurrency: 4 })).toEqual([1, 4])
    expect(together(50)).toEqual([50, 50])
    expect(together(1_000, { concurrency: 1 })).toEqual([100, 100])
    expect(together(4)).toEqual([4, 16])
    expect(together(50, { rate: '10/s' })).toEqual([1, 16])
  })

  it('refuses handlers that do not go together', () => {
    const declare = (): GroupDeclaration => new GroupDeclaration('g', [keyed, plain], { from: 'earliest' })
    const parts = {} as Parameters<GroupDeclaration['ready']>[0]
    const batch = { max: 10, within: '10ms' } as const
    const run = async (): Promise<void> => {}
    expect(() => declare().ready(parts)).toThrow('it has no handler')
    expect(() => declare().on('c', run).ready(parts)).toThrow('no topic of it has an event "c"')
    expect(() => declare().on('a', run).effect('a', run)).toThrow('event "a" has two handlers')
    expect(() => declare().on('a', run).effectBatch(['b'], batch, run).ready(parts)).toThrow(
      'either one batch handler or handlers for single events',
    )
    expect(() => declare().effectBatch(['a'], batch, run).effectBatch(['b'], batch, run)).toThrow(
      'effectBatch was called twice',
    )
    expect(() =>
      declare()
        .effectBatch(['a'], { ...batch, max: 0 }, run)
        .ready(parts),
    ).toThrow('effectBatch max must be a whole number from 1 to 10000, got 0')
    expect(() => declare().effect('a', run).ready(parts)).toThrow('.effect needs a database')
  })
})

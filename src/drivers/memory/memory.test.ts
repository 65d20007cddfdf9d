import { describe, expect, it } from 'vitest'
import { isHoldfastError, seededRandom, silentLogger } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import { describeLog } from '../../log/suite/index.ts'
import { virtualClock } from '../../testing/virtual-clock.ts'
import { memory } from './memory.ts'
import { resolveMemoryOptions, type MemoryOptions } from './options.ts'

describeLog(
  'memory',
  {
    deduplicates: true,
    retains: true,
    persists: { reason: 'it is in the memory of the process' },
    findsIds: { reason: 'it keeps no index: whoever asks reads what there is' },
    imports: true,
  },
  async ({ maxRecordBytes, ...leases }) => ({
    driver: memory({ maxRecordBytes, leases }),
  }),
)

function open(options: MemoryOptions, clock = virtualClock()): Promise<LogSystem> {
  return memory(options).open({ clock, random: seededRandom(1), logger: silentLogger })
}

describe('memory', () => {
  const record = { partition: 0, value: new Uint8Array(1_000), headers: {} }

  it('hazard 17: refuses what does not fit, whole, and goes on by itself when there is room', async () => {
    const clock = virtualClock()
    const { log } = await open({ maxBytes: 20_000 }, clock)
    await log.topics.create('t', { partitions: 1, retentionMs: 1_000 })
    const refusals: unknown[] = []
    let stored = 0
    while (refusals.length === 0) {
      await log.append('t', [record, record]).then(
        () => (stored += 2),
        (error: unknown) => refusals.push(error),
      )
    }
    expect(isHoldfastError(refusals[0], 'LOG_FULL')).toBe(true)
    expect(stored).toBeGreaterThan(10)
    expect((await log.bounds({ topic: 't', partition: 0 })).end).toBe(BigInt(stored))
    await clock.advance(2_000)
    expect(await log.enforceRetention?.(new AbortController().signal)).toEqual(
      new Map([['t/0', BigInt(stored)]]),
    )
    await log.append('t', [record, record])
  })

  it('knows an id for a window at least, and forgets it after two', async () => {
    const clock = virtualClock()
    const { log } = await open({ dedupWindowMs: 1_000 }, clock)
    await log.topics.create('t', { partitions: 1 })
    const dedup = { scope: '', source: 's', id: '1', hash: new Uint8Array(1) }
    const kinds: unknown[] = []
    for (const wait of [0, 999, 999, 2_000]) {
      await clock.advance(wait)
      kinds.push((await log.append('t', [{ ...record, dedup }]))[0]?.kind)
    }
    expect(kinds).toEqual(['appended', 'duplicate', 'duplicate', 'appended'])
  })

  it('has these defaults', () => {
    expect(resolveMemoryOptions({})).toEqual({
      maxRecordBytes: 1_048_576,
      maxBytes: 268_435_456,
      dedupWindowMs: 86_400_000,
      leases: { beatMs: 3_000, sessionMs: 30_000, revokeTimeoutMs: 30_000 },
    })
  })

  it.each([
    ['maxBytes', { maxBytes: 0 }],
    ['maxRecordBytes', { maxRecordBytes: 1.5 }],
    ['dedupWindowMs', { dedupWindowMs: -1 }],
    ['beatMs', { leases: { beatMs: -1 } }],
  ])('refuses a bad %s', async (name, options) => {
    const refusal: unknown = await Promise.resolve()
      .then(() => memory(options))
      .catch((error: unknown) => error)
    expect(isHoldfastError(refusal, 'CONFIG_INVALID')).toBe(true)
    expect(String(refusal)).toContain(`${name} must be`)
  })
})

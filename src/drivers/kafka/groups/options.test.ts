import { describe, expect, it } from 'vitest'
import { resolveGroupOptions, type GroupOptions } from './options.ts'

describe('options of groups on Kafka', () => {
  it('have these defaults', () => {
    expect(resolveGroupOptions()).toEqual({
      beatMs: 3_000,
      sessionMs: 30_000,
      rebalanceTimeoutMs: 60_000,
      revokeTimeoutMs: 42_000,
      growthMs: 30_000,
      instanceId: undefined,
      leaveOnStop: true,
    })
    expect(resolveGroupOptions({ instanceId: 'node-1' }).leaveOnStop).toBe(false)
  })

  it.each<[GroupOptions, string]>([
    [{ beat: '0s' }, 'groups.beat must be from 1 to 3600000 ms, got 0 ms'],
    [{ session: '5s' }, 'groups.session must be from 6000 to 3600000 ms, got 5000 ms'],
    [{ rebalanceTimeout: '20s' }, 'groups.rebalanceTimeout must be from 30000 to 3600000 ms, got 20000 ms'],
    [{ revokeTimeout: '2h' }, 'groups.revokeTimeout must be from 1 to 3600000 ms, got 7200000 ms'],
    [
      { instanceId: 'a b' },
      'groups.instanceId must be 1 to 200 of the characters a-z A-Z 0-9 . _ -, got "a b"',
    ],
  ])('refuse %j', (options, words) => {
    expect(() => resolveGroupOptions(options)).toThrow(words)
  })
})

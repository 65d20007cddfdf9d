import { describe, expect, it } from 'vitest'
import { isHoldfastError } from '../event/index.ts'
import { resolveCollectorLimits } from './limits.ts'

const fault = (given: Parameters<typeof resolveCollectorLimits>[0]): string => {
  try {
    resolveCollectorLimits(given)
  } catch (error) {
    return isHoldfastError(error, 'CONFIG_INVALID') ? error.detail : `unexpected: ${String(error)}`
  }
  return 'accepted'
}

describe('limits', () => {
  it('have these defaults', () => {
    expect(resolveCollectorLimits()).toEqual({
      maxEventBytes: 262_144,
      maxEvents: 1_000,
      maxBodyBytes: 5_242_880,
      maxInflatedBytes: 20_971_520,
      maxInflateRatio: 100,
      maxNdjsonBytes: 67_108_864,
      maxNdjsonLines: 50_000,
      ndjsonChunkLines: 500,
      maxDepth: 32,
      maxUrlBytes: 8_192,
      maxHeaderBytes: 16_384,
      headerTimeoutMs: 10_000,
      bodyIdleTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      minBodyBytesPerSecond: 256,
      keepAliveTimeoutMs: 65_000,
      maxConnections: 10_000,
      maxInFlightBytes: 268_435_456,
      maxTenantInFlightBytes: 134_217_728,
      appendTimeoutMs: 15_000,
      keyEventsPerSecond: 50_000,
      tenantBytesPerSecond: 67_108_864,
    })
  })

  it('refuse what cannot work, and say which and why', () => {
    expect(fault({ maxEvents: 0 })).toBe('collector: limits.maxEvents must be a whole number above 0, got 0')
    expect(fault({ maxDepth: 1.5 })).toContain('maxDepth')
    expect(fault({ maxEventBytes: 6_000_000 })).toContain('at most limits.maxBodyBytes (5242880)')
    expect(fault({ headerTimeoutMs: 60_000 })).toContain('requestTimeoutMs')
    expect(fault({ maxEvent: 3 } as object)).toContain('maxEvent is not a limit')
  })
})

import { expect, it } from 'vitest'
import { isHoldfastError } from '../../event/index.ts'
import { resolveEmbeddedOptions, type EmbeddedOptions } from './options.ts'

it('has these defaults', () => {
  expect(resolveEmbeddedOptions({})).toEqual({
    maxRecordBytes: 1_048_576,
    maxQueueBytes: 67_108_864,
    maxBytes: Number.POSITIVE_INFINITY,
    minFreeBytes: 67_108_864,
    reserveBytes: 8_388_608,
    dedupWindowMs: 86_400_000,
    idIndexBytes: 67_108_864,
    idIndexIntervalMs: 5_000,
    retentionIntervalMs: 60_000,
    commitTimeoutMs: 60_000,
    leases: {},
    observe: {},
  })
})

it.each<[EmbeddedOptions, RegExp]>([
  [{ maxRecordBytes: 0 }, /maxRecordBytes must be at least 1, got 0/],
  [{ maxRecordBytes: 1024 ** 3 }, /maxRecordBytes must be at most 268435456/],
  [{ maxRecordBytes: 2_000_000, maxQueueBytes: 1_000_000 }, /maxQueueBytes must be at least 2000000/],
  [{ maxBytes: 10 }, /maxBytes must be at least 1048576, got 10/],
  [{ minFreeBytes: -1 }, /minFreeBytes must be at least 0, got -1/],
  [{ reserveBytes: Number.NaN }, /reserveBytes must be at least 0, got NaN/],
  [{ idIndexBytes: -1 }, /idIndexBytes must be at least 0, got -1/],
  [{ dedupWindow: '10ms' }, /dedupWindowMs must be at least 1000, got 10/],
  [{ commitTimeout: '1 s' }, /commitTimeout must be a duration/],
])('refuses %o', (options, message) => {
  let thrown: unknown
  try {
    resolveEmbeddedOptions(options)
  } catch (error) {
    thrown = error
  }
  expect(isHoldfastError(thrown, 'CONFIG_INVALID')).toBe(true)
  expect(String(thrown)).toMatch(message)
})

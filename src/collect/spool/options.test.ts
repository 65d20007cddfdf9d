import { describe, expect, it } from 'vitest'
import { resolveSpoolOptions, type SpoolOptions } from './options.ts'

describe('options of the spool', () => {
  it('have these defaults', () => {
    expect(resolveSpoolOptions()).toEqual({
      folder: '.holdfast/spool',
      maxBytes: 8_589_934_592,
      minFreeBytes: 536_870_912,
      maxAgeMs: 86_400_000,
      patienceMs: 2_000,
    })
  })

  it.each<[string, SpoolOptions]>([
    ['folder', { folder: '' }],
    ['maxBytes', { maxBytes: 1_000 }],
    ['minFreeBytes', { minFreeBytes: -1 }],
    ['maxAge', { maxAge: '1ms' }],
    ['patience', { patience: '0ms' }],
  ])('refuse a bad %s, and name it', (name, options) => {
    expect(() => resolveSpoolOptions(options)).toThrow(`spool.${name} must be`)
  })
})

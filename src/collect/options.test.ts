import { describe, expect, it } from 'vitest'
import { clicks, foreign, keys, memoryLog, notes } from '../../test/harness/collector.ts'
import { isHoldfastError, silentLogger, systemClock, systemRandom } from '../event/index.ts'
import { resolveCollectorOptions, type CollectorOptions } from './options.ts'

const log = await memoryLog(systemClock)
const required = { topics: [clicks, notes, foreign], log, keys }

function fault(options: Partial<CollectorOptions>): string {
  try {
    resolveCollectorOptions({ ...required, ...options })
  } catch (error) {
    return isHoldfastError(error, 'CONFIG_INVALID') ? error.detail : `unexpected: ${String(error)}`
  }
  return 'accepted'
}

describe('the options of a collector', () => {
  it('have these defaults', () => {
    const { keys: _keys, limits: _limits, ...resolved } = resolveCollectorOptions(required)
    expect(resolved).toEqual({
      topics: required.topics,
      log,
      spool: undefined,
      dedup: 'log',
      typeTopics: {},
      aliases: {},
      accept: {},
      unstorableText: 'refuse',
      lameDuckMs: 5_000,
      stopTimeoutMs: 18_000,
      plainKeysByFetch: false,
      example: { path: '/v1/events', body: '{"type":"click","data":{}}' },
      otherwise: undefined,
      statusUrl: undefined,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      observer: {},
    })
  })

  it('refuse what cannot work, and say which and why', () => {
    expect(fault({ topics: [] })).toContain('topics is empty')
    expect(fault({ topics: [clicks, notes] })).toContain('"foreign"')
    expect(fault({ aliases: { '/v1/mine': {} } })).toContain('not below /v1/')
    expect(fault({ aliases: { collect: {} } })).toContain('aliases["collect"]')
    expect(fault({ aliases: { '/a': { topic: clicks, type: 'click' } } })).toContain("needs form 'flat'")
    expect(fault({ aliases: { '/a': { topic: notes, type: 'click', form: 'flat' } } })).toContain('click')
    expect(fault({ accept: { nothing: { check: () => ({ kind: 'ok' }), onFailure: 'take' } } })).toContain(
      'nothing',
    )
    expect(fault({ lameDuckMs: -1 })).toContain('lameDuckMs')
    expect(fault({ limits: { maxEvents: 0 } })).toContain('maxEvents')
  })
})

import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../event/index.ts'
import { DurabilityClass } from './durability.ts'

function seen(durability: 'quorum' | 'single' = 'single') {
  const lines: string[] = []
  const warn = (_: unknown, line?: string): void => void lines.push(line ?? '')
  const options = { durability, replication: { factor: 3, minInsync: 2 } }
  return { lines, is: new DurabilityClass(options, { ...silentLogger, warn }) }
}

describe('what an acknowledged append on Kafka survives', () => {
  it('is the weaker class until a topic was seen', () => {
    expect(seen().is.current).toBe('single')
  })

  it.each([
    [3, 2, 'quorum'],
    [5, 3, 'quorum'],
    [3, 1, 'single'],
    [2, 2, 'single'],
    [1, 1, 'single'],
  ])('with %i copies of which %i must be in step is %s', (factor, minInsync, expected) => {
    const { is } = seen()
    is.saw('orders', factor, minInsync)
    expect(is.current).toBe(expected)
  })

  it('is that of the weakest topic, as long as there is such a topic, and of topics that are alike it is said once', () => {
    const { is, lines } = seen()
    is.saw('orders', 3, 2)
    for (let i = 0; i < 3; i++) is.saw('clicks', 1, 1)
    is.saw('moves', 1, 1)
    is.saw('views', 3, 1)
    expect(is.current).toBe('single')
    expect(lines).toEqual([
      'topic clicks has one copy: the loss of one broker may lose it (said once)',
      'topic views has 3 copies, of which 1 must have a record before it is acknowledged: the loss of one broker may lose it (said once)',
    ])
    for (const topic of ['clicks', 'moves', 'views']) is.forget(topic)
    expect(is.current).toBe('quorum')
  })

  it('refuses a weaker topic where quorum is asked for', () => {
    const { is } = seen('quorum')
    is.saw('orders', 3, 2)
    let thrown: unknown
    try {
      is.saw('clicks', 3, 1)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({
      code: 'CONFIG_INVALID',
      facts: { topic: 'clicks', factor: 3, minInsync: 1 },
    })
  })
})

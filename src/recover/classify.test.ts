import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../event/index.ts'
import { classify } from './classify.ts'

const coded = (code: string): Error => Object.assign(new Error(code), { code })

/** Reads SQLSTATE as a PostgreSQL sink does. */
const sink = {
  isOutage: (error: unknown) =>
    /^(08|53|57P)|^ECONN|^EPIPE/.test(String((error as { code?: unknown } | undefined)?.code)),
  isBadData: (error: unknown) => /^2[23]/.test(String((error as { code?: unknown } | undefined)?.code)),
}

describe('classify', () => {
  it.each([
    ['a broken constraint', coded('23505'), 'data'],
    ['bad data', coded('22P02'), 'data'],
    ['a server that shuts down', coded('57P01'), 'sink'],
    ['too many connections', coded('53300'), 'sink'],
    ['a broken pipe, which is no SQLSTATE', coded('EPIPE'), 'network'],
    ['a refused connection', coded('ECONNREFUSED'), 'network'],
    [
      'a fetch that hides its cause',
      new TypeError('fetch failed', { cause: coded('ECONNRESET') }),
      'network',
    ],
    ['several addresses refused', new AggregateError([coded('ECONNREFUSED')]), 'network'],
    ['an HTTP answer that says not now', Object.assign(new Error('busy'), { status: 503 }), 'network'],
    ['a full log', new HoldfastError('LOG_FULL', { detail: 'x' }), 'network'],
    ['an HTTP answer that refuses the event', Object.assign(new Error('no'), { status: 422 }), 'unknown'],
    ['a mistake in the handler', new RangeError('cents'), 'unknown'],
    ['something thrown that is no error', 'text', 'unknown'],
    ['nothing at all', undefined, 'unknown'],
  ])('takes %s for %s', (_, error, blame) => {
    expect(classify(error, sink).kind).toBe(blame)
  })
})

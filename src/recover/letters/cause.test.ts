import { describe, expect, it } from 'vitest'
import type { Failure } from '../failure.ts'
import { causeOf } from './cause.ts'

const failure = (message: string, stack?: string): Failure => ({
  name: 'RangeError',
  code: undefined,
  message,
  stack,
  at: 0,
})
const id = (message: string, stack?: string): string => causeOf('attempts', failure(message, stack)).id

describe('the cause of a death', () => {
  it('is the same whatever numbers, uuids and quoted values are in the message', () => {
    expect(id('order 17 of "ann" has -3.50 cents')).toBe(id('order 4 of "bob" has -12.01 cents'))
    expect(id('no 018f3c1e-7b2a-7cc0-8000-0123456789ab here')).toBe(
      id('no ffffffff-ffff-4fff-bfff-ffffffffffff here'),
    )
  })

  it('is another for another message, class, reason or place', () => {
    const stack = (name: string): string => `RangeError: x\n    at ${name} (file:///a/src/b.ts:1:2)`
    const all = [
      id('too many'),
      id('too few'),
      causeOf('data', failure('too many')).id,
      causeOf('attempts', { ...failure('too many'), code: '23514' }).id,
      id('too many', stack('charge')),
      id('too many', stack('refund')),
    ]
    expect(new Set(all).size).toBe(all.length)
  })

  it('is the same after a deployment to another folder that moved its lines', () => {
    const stack = (folder: string, line: number): string =>
      [
        'RangeError: too many',
        '    at node:internal/process:1:1',
        `    at check (file:///srv/${folder}/node_modules/zod/index.js:9:9)`,
        `    at async charge (file:///srv/${folder}/src/groups/billing.ts?update=${line}:${line}:7)`,
        '    at other (file:///x.ts:1:1)',
      ].join('\n')
    const { id: before, place } = causeOf('attempts', failure('x', stack('release-41', 12)))
    expect(causeOf('attempts', failure('x', stack('release-42', 99))).id).toBe(before)
    expect(place).toBe('async charge (groups/billing.ts)')
  })

  it('has a place without a function too, and none without a stack', () => {
    expect(causeOf('x', failure('x', 'E\n    at file:///a/b/c.ts:1:2')).place).toBe('b/c.ts')
    expect(causeOf('x', failure('x', 'E\n    at C:\\app\\src\\c.ts:1:2')).place).toBe('src/c.ts')
    expect(causeOf('x', failure('x')).place).toBe('')
  })
})

import { describe, expect, it } from 'vitest'
import { describeFailure, keptFailure, type Failure } from './failure.ts'

describe('a failure', () => {
  it.each([
    ['as an error says it', new RangeError('no 7')],
    ['with its name changed since', Object.assign(new Error('no 8'), { name: 'OrderError', code: 'E8' })],
    ['without frames', Object.assign(new Error('no 9'), { stack: 'just this' })],
    ['without a stack', Object.assign(new Error('no 10'), { stack: undefined })],
  ])('is kept %s, and as JSON', (_, error) => {
    const { name, message, stack } = error
    const code = 'code' in error ? error.code : undefined
    const kept = describeFailure(error, 5)
    expect({ ...kept, stack: kept.stack }).toEqual({ name, code, message, stack, at: 5 })
    const read = keptFailure(JSON.parse(JSON.stringify(kept)) as Failure)
    expect(read.stack).toBe(stack)
    expect(JSON.stringify(read)).toBe(JSON.stringify(kept))
  })

  it('is cut, and keeps nothing of what was cut off', () => {
    const { message, stack } = describeFailure(new Error('x'.repeat(10_000)), 5)
    expect([message.length, stack?.length]).toEqual([1_000, 4_000])
  })
})

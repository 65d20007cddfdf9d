import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../event/index.ts'
import { CliError, exitCode, exitCodeOf } from './exit-code.ts'
import { describeError } from '../server/describe-error.ts'

const refused = Object.assign(new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1')], ''), {
  code: 'ECONNREFUSED',
})

describe('exit codes', () => {
  it('tells unreachable from failed, also inside what fetch wraps', () => {
    expect(exitCodeOf(new TypeError('fetch failed', { cause: refused }))).toBe(5)
    expect(exitCodeOf(new Error('boom'))).toBe(1)
  })

  it('tells a refusal for safety and a failed check from a plain failure', () => {
    expect(exitCodeOf(new HoldfastError('LOG_IN_USE', { detail: 'x' }))).toBe(4)
    expect(exitCodeOf(new HoldfastError('LOG_CORRUPT', { detail: 'x' }))).toBe(7)
    expect(exitCodeOf(new HoldfastError('INTERNAL', { detail: 'x' }))).toBe(1)
    expect(exitCodeOf(new CliError('x', exitCode.denied))).toBe(6)
  })
})

describe('an error on the terminal', () => {
  it('gives the code, the cause and the next command', () => {
    const text = describeError(
      new HoldfastError('LOG_FULL', { detail: 'disk of .holdfast has 0 bytes left' }),
    )
    expect(text).toBe(
      [
        'holdfast: LOG_FULL: The log has no room for more: disk of .holdfast has 0 bytes left',
        '  Free disk space or shorten retention. Nothing was stored; appends go on by themselves once there is room.',
        '  npx holdfast explain-error LOG_FULL',
        '',
      ].join('\n'),
    )
  })

  it('says what a wrapped connection error hides', () => {
    expect(describeError(new TypeError('fetch failed', { cause: refused }))).toBe(
      'holdfast: fetch failed: connect ECONNREFUSED 127.0.0.1:1\n',
    )
  })
})

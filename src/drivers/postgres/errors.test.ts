import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../../event/index.ts'
import { describeDbError, isBadData, isOutage } from './errors.ts'

const coded = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code })

describe('hazard 52: blame', () => {
  it.each(['08006', '53300', '53100', '57P01', '57P03', '58030', '28P01', '3D000', '25006'])(
    '%s is the database',
    code => expect([isOutage(coded(code)), isBadData(coded(code))]).toEqual([true, false]),
  )

  it.each(['22001', '22P02', '23505', '23503', '23514'])('%s is the event', code =>
    expect([isOutage(coded(code)), isBadData(coded(code))]).toEqual([false, true]),
  )

  it.each(['40001', '40P01', '55P03', '57014', '25P02', '25P03', '42P01', 'P0001', 'XX000'])(
    '%s is neither: nobody knows yet',
    code => expect([isOutage(coded(code)), isBadData(coded(code))]).toEqual([false, false]),
  )

  it.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'])(
    '%s is the database, or the way to it',
    code => expect([isOutage(coded(code)), isBadData(coded(code))]).toEqual([true, false]),
  )

  it.each(['Connection terminated unexpectedly', 'timeout exceeded when trying to connect'])(
    'pg says without a code: %s',
    message => expect(isOutage(new Error(message))).toBe(true),
  )

  it.each([
    undefined,
    null,
    'Connection terminated',
    new Error('no'),
    new HoldfastError('INTERNAL', { detail: '' }),
  ])('anything else is neither (%s)', error =>
    expect([isOutage(error), isBadData(error)]).toEqual([false, false]),
  )
})

describe('hazard S15: describeDbError', () => {
  it('keeps what names the fault and drops what the row held', () => {
    const error = Object.assign(
      new Error('duplicate key value violates unique constraint "person_email_key"'),
      {
        code: '23505',
        severity: 'ERROR',
        detail: 'Key (email)=(a@b.c) already exists.',
        where: 'SQL statement "insert … a@b.c"',
        constraint: 'person_email_key',
      },
    )
    expect({ ...(describeDbError(error) as object) }).toEqual({
      name: 'DatabaseError',
      code: '23505',
      severity: 'ERROR',
      constraint: 'person_email_key',
    })
    expect((describeDbError(error) as Error).message).toBe(error.message)
  })

  it('drops the value from a message about it, also from the stack', () => {
    const safe = describeDbError(coded('22P02', 'invalid input syntax for type integer: "a@b.c"')) as Error
    expect(safe.message).toBe('invalid input syntax for type integer: "…"')
    expect(safe.stack).not.toContain('a@b.c')
    expect(safe.stack).toContain('errors.test.ts')
  })

  it('passes errors of others as they are', () => {
    const error = new RangeError('mine')
    expect(describeDbError(error)).toBe(error)
  })
})

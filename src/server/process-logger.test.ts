import { describe, expect, it } from 'vitest'
import { processLogger } from './process-logger.ts'

function logged(isTTY: boolean, fields: Record<string, unknown>): string {
  let out = ''
  const to = { isTTY, write: (text: string) => (out += text) }
  const logger = processLogger({ to, now: () => new Date(2026, 10, 21, 9, 3, 4).getTime() })
  logger.warn(fields, 'db is away: paused, nothing is lost')
  logger.debug({}, 'never seen')
  return out
}

describe('the log of a process', () => {
  it('is one readable line on a terminal', () => {
    const fields = {
      dependency: 'db',
      reason: new Error('connect ECONNREFUSED'),
      offset: 7n,
      left: undefined,
    }
    expect(logged(true, fields)).toBe(
      '09:03:04 ! db is away: paused, nothing is lost  (dependency=db, reason=connect ECONNREFUSED, offset=7)\n',
    )
  })

  it('is JSON with the fields everywhere else', () => {
    const lines = logged(false, { dependency: 'db' }).trimEnd().split('\n')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 40,
      dependency: 'db',
      msg: 'db is away: paused, nothing is lost',
      time: expect.stringMatching(/^\d{4}-/),
    })
  })
})

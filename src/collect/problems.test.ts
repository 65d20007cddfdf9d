import { describe, expect, it } from 'vitest'
import { problemBody, problemCatalogue, type ProblemCode } from './problems.ts'

const codes = Object.keys(problemCatalogue) as ProblemCode[]

describe('problems', () => {
  it('are client or server errors, and every 503, 429 and 408 may be tried again', () => {
    for (const [code, { status, retryable }] of Object.entries(problemCatalogue)) {
      expect(status, code).toBeGreaterThanOrEqual(400)
      if ([408, 429, 503].includes(status)) expect(retryable, code).toBe(true)
      if (status < 500 && retryable) expect([400, 408, 429], code).toContain(status)
    }
  })

  it.each(codes)('%s says what to do in sentences', code => {
    const { title, advice } = problemCatalogue[code]
    expect(title).toMatch(/^[A-Z].*[^.]$/)
    expect(advice).toMatch(/^[A-Z].*\.$/)
    expect(problemBody({ code, detail: 'd' })).toMatchObject({
      type: `urn:holdfast:problem:${code}`,
      title,
      detail: 'd',
    })
  })
})

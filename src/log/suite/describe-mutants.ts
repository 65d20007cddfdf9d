import { describe, expect, it } from 'vitest'
import { keepPromise } from './describe-log.ts'
import type { LogPromise, MakeLog } from './harness.ts'

/** A log with one fault in it. */
export interface Mutant {
  /** What it does wrong. */
  readonly fault: string
  /** The beginnings of the promises that it breaks; each must notice. */
  readonly breaks: readonly string[]
  readonly log: MakeLog
}

/**
 * Shows that promises can fail: each mutant is caught by the promises that it breaks, and each promise catches a
 * mutant. A promise that nothing can break promises nothing.
 */
export function describeMutants(promises: readonly LogPromise[], mutants: readonly Mutant[]): void {
  describe.each(mutants)('a log that $fault', ({ breaks, log }) => {
    it.each(breaks)('is caught by: %s', async beginning => {
      const [promise, ...others] = promises.filter(({ promise }) => promise.startsWith(beginning))
      expect(others).toEqual([])
      if (!promise) throw new Error(`no promise begins so: ${beginning}`)
      // Short, because much of what goes wrong never happens; the unbroken log takes milliseconds.
      await expect(keepPromise(promise, log, { patienceMs: 800 })).rejects.toThrow()
    })
  })

  it('leaves no promise untried', () => {
    const tried = mutants.flatMap(({ breaks }) => breaks)
    const untried = promises.filter(({ promise }) => !tried.some(beginning => promise.startsWith(beginning)))
    expect(untried.map(({ promise }) => promise)).toEqual([])
  })
}

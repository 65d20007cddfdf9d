import { describe, expect, it } from 'vitest'
import { keepPromise, sinkPromises } from './describe-sink.ts'
import type { MakeSink } from './harness.ts'

/** A sink with one fault in it. */
export interface Mutant {
  /** What it does wrong. */
  readonly fault: string
  /** The beginnings of the promises that it breaks; each must notice. */
  readonly breaks: readonly string[]
  readonly sink: MakeSink
}

/** Shows that promises can fail: each mutant is caught by the promises that it breaks, and each promise catches one. */
export function describeMutants(mutants: readonly Mutant[]): void {
  const promises = Object.values(sinkPromises).flat()
  describe.each(mutants)('a sink that $fault', ({ breaks, sink }) => {
    it.each(breaks)('is caught by: %s', async beginning => {
      const [promise, ...others] = promises.filter(({ promise }) => promise.startsWith(beginning))
      expect(others).toEqual([])
      if (!promise) throw new Error(`no promise begins so: ${beginning}`)
      await expect(keepPromise(promise, sink, { patienceMs: 5_000 })).rejects.toThrow()
    })
  })

  it('leaves no promise untried', () => {
    const tried = mutants.flatMap(({ breaks }) => breaks)
    const untried = promises.filter(({ promise }) => !tried.some(beginning => promise.startsWith(beginning)))
    expect(untried.map(({ promise }) => promise)).toEqual([])
  })
}

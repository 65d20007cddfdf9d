import { TestRunner } from 'vitest'

declare module 'vitest' {
  interface TaskMeta {
    /** What the test saw of the faults it caused. */
    observed?: string[]
  }
}

/**
 * Notes what was seen of a fault, for `npm run hazards`. A fault that was not seen did not happen: give it numbers
 * and exits that the test has asserted, not intentions.
 */
export function observed(what: string): void {
  const test = TestRunner.getCurrentTest()
  if (!test) throw new Error('observed() belongs inside a test')
  test.meta.observed = [...(test.meta.observed ?? []), what]
}

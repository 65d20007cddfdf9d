import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startChild } from './harness/child.ts'

const root = join(import.meta.dirname, '..')

async function soak(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = await startChild({ name: 'soak', args: ['scripts/soak.ts', ...args], cwd: root })
  const { code } = await child.exited
  return { code, said: child.stderr.join('\n') }
}

test('a long run of which nothing ran has failed, and says which tests there are', async () => {
  const { code, said } = await soak('file', 'stopping', 'wrong', 'words')
  expect(said).toContain('soak: nothing was run: no test has /wrong words/ in its name; say words of one of')
  expect(said).toContain('  test/e2e/stopping.int.test.ts > ')
  expect(code).toBe(1)
})

test.each([
  [['row', '9999'], 'no test is about row 9999; there are tests of the rows 1, 2, 3, '],
  [['row', '5['], 'no test is about row 5['],
  [['file', 'stoping'], 'no end-to-end test has stoping in the name of its file; there are'],
  [['--file', 'stopping'], 'usage: npm run soak [-- row N | file NAME [WORDS OF A TEST]]'],
])('a long run of %j starts nothing, and says what there is', async (args, words) => {
  const { code, said } = await soak(...args)
  expect(said).toContain(`soak: ${words}`)
  expect(code).toBe(2)
})

import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { mutants } from '../scripts/mutants/mutants.ts'

const root = path.join(import.meta.dirname, '..')

test.each(mutants)(
  'the fault "$fault" can still be planted, and its tests are there',
  ({ file, text, tests }) => {
    expect(readFileSync(path.join(root, file), 'utf8').split(text)).toHaveLength(2)
    for (const name of tests) expect(existsSync(path.join(root, name)), name).toBe(true)
  },
)

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A test, or a promise of a suite, whose name says which hazard it is about. */
export interface HazardTest {
  readonly row: string
  /** The name without `hazard N: `. */
  readonly name: string
  /** From the project's root. */
  readonly file: string
}

const FILES = ['src/**/*.ts', 'test/**/*.ts', 'examples/*/src/**/*.ts', 'examples/*/test/**/*.ts']

/** `test('hazard 15: …`, `it('hazards 41, 52: …`, and the promises of suites, in one shape. */
const NAME = /(['"`])hazards? (S?\d+(?:, ?S?\d+)*): (.+?)\1[,)\n]/g

/** Every test under `root` that names a row, in the order of files. */
export function findHazardTests(root: string): HazardTest[] {
  return globSync(FILES, { cwd: root })
    .toSorted()
    .flatMap(file =>
      [...readFileSync(join(root, file), 'utf8').matchAll(NAME)].flatMap(([, , rows = '', name = '']) =>
        rows.split(',').map(row => ({ row: row.trim(), name, file })),
      ),
    )
}

// `npm run mutants`: plants each fault of the table in a copy of the tree, one at a time, and runs the tests that must
// notice; then the mutant tests of the suites. Ends with `N killed of M`; a survivor is a hole in the tests, and exit 1.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { mutants, type Mutant } from './mutants/mutants.ts'

const root = path.dirname(import.meta.dirname)
/** The suites plant their faults themselves. */
const suites = ['src/log/suite', 'src/drivers/postgres/mutants.int.test.ts']

const copy = mkdtempSync(path.join(tmpdir(), 'holdfast-mutants-'))
try {
  for (const name of [
    'src',
    'test',
    'examples',
    'package.json',
    'vitest.config.ts',
    'tsconfig.base.json',
    'tsconfig.json',
  ]) {
    cpSync(path.join(root, name), path.join(copy, name), { recursive: true })
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'))
  process.exitCode = main()
} finally {
  rmSync(copy, { recursive: true, force: true })
}

function main(): number {
  const tests = [...new Set(mutants.flatMap(mutant => mutant.tests))]
  if (!passes(tests)) {
    process.stdout.write('the tests fail without a fault: mend that first\n')
    return 1
  }
  const killed = mutants.filter(mutant => {
    const survived = withFault(mutant, () => passes(mutant.tests))
    process.stdout.write(`${survived ? 'SURVIVED' : 'killed  '}  ${mutant.fault}\n`)
    return !survived
  }).length
  const suitesHold = passes(suites)
  process.stdout.write(`${suitesHold ? 'killed  ' : 'SURVIVED'}  those that the suites plant\n`)
  process.stdout.write(`${killed} killed of ${mutants.length}\n`)
  return killed === mutants.length && suitesHold ? 0 : 1
}

function withFault<T>(mutant: Mutant, run: () => T): T {
  const file = path.join(copy, mutant.file)
  const source = readFileSync(file, 'utf8')
  if (source.split(mutant.text).length !== 2) {
    throw new Error(
      `${mutant.file} does not hold this text once, so nothing would be planted:\n${mutant.text}`,
    )
  }
  writeFileSync(
    file,
    source.replace(mutant.text, () => mutant.becomes),
  )
  try {
    return run()
  } finally {
    writeFileSync(file, source)
  }
}

/** A test that hangs has noticed, too. */
function passes(tests: readonly string[]): boolean {
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...tests, '--testTimeout=30000', '--bail=1']
  return spawnSync(process.execPath, args, { cwd: copy, stdio: 'ignore' }).status === 0
}

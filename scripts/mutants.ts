// `npm run mutants`: plants each fault of the table in a copy of the tree, one at a time, and runs the tests that must
// notice; then the mutant tests of the suites, which `-- --planted` leaves out because `npm test` runs them. Ends with
// `N killed of M`; a survivor is a hole in the tests, and exit 1.
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { mutants, type Mutant } from './mutants/mutants.ts'

const root = path.dirname(import.meta.dirname)
/** The suites plant their faults themselves. */
const suites = ['src/log/suite', 'src/drivers/postgres/mutants.int.test.ts']
/** Faults are planted in so many copies at once. */
const COPIES = 2
/** A test that hangs has noticed, too. */
const TEST_TIMEOUT_MS = 30_000

const copies = Array.from({ length: COPIES }, makeCopy)
try {
  process.exitCode = await main()
} finally {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true })
}

function makeCopy(): string {
  const copy = mkdtempSync(path.join(tmpdir(), 'holdfast-mutants-'))
  for (const name of [
    'bin',
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
  return copy
}

async function main(): Promise<number> {
  const [first = ''] = copies
  // Without this a copy in which nothing works would kill every fault.
  if (!(await passes(first, [...new Set(mutants.flatMap(mutant => mutant.tests))]))) {
    process.stdout.write('the tests fail without a fault: mend that first\n')
    return 1
  }
  const left = [...mutants]
  let killed = 0
  await Promise.all(
    copies.map(async copy => {
      for (let mutant = left.shift(); mutant; mutant = left.shift()) {
        const survived = await withFault(copy, mutant, tests => passes(copy, tests))
        process.stdout.write(`${survived ? 'SURVIVED' : 'killed  '}  ${mutant.fault}\n`)
        if (!survived) killed += 1
      }
    }),
  )
  let holds = killed === mutants.length
  if (!process.argv.includes('--planted')) {
    const suitesHold = await passes(first, suites)
    process.stdout.write(`${suitesHold ? 'killed  ' : 'SURVIVED'}  those that the suites plant\n`)
    holds &&= suitesHold
  }
  process.stdout.write(`${killed} killed of ${mutants.length}\n`)
  return holds ? 0 : 1
}

async function withFault<T>(
  copy: string,
  mutant: Mutant,
  run: (tests: readonly string[]) => Promise<T>,
): Promise<T> {
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
    return await run(mutant.tests)
  } finally {
    writeFileSync(file, source)
  }
}

function passes(copy: string, tests: readonly string[]): Promise<boolean> {
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...tests,
    `--testTimeout=${TEST_TIMEOUT_MS}`,
    '--bail=1',
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: copy, stdio: 'ignore' })
    child.once('error', reject)
    child.once('close', code => resolve(code === 0))
  })
}

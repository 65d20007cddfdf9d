// Compares the tests that a run skipped with .ci/skips.txt, both ways: `node scripts/check-skips.js SUMMARY`. A skip that
// nobody wrote down with its reason fails, and so does one that is written down and ran. A third column `unless PROGRAM`
// holds only where that program is not on PATH. A `*` stands for any text.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'

const { skipped } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const entries = readFileSync(new URL('../.ci/skips.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => line.split('\t'))
  .filter(([, , condition]) => condition === undefined || !isOnPath(condition.replace('unless ', '')))
const listed = new Map(
  entries.flatMap(([test, reason]) =>
    test.includes('*')
      ? skipped.filter(name => patternOf(test).test(name)).map(name => [name, reason])
      : [[test, reason]],
  ),
)
const problems = [
  ...skipped.filter(test => !listed.has(test)).map(test => `skipped, but not in .ci/skips.txt: ${test}`),
  ...[...listed.keys()]
    .filter(test => !skipped.includes(test))
    .map(test => `in .ci/skips.txt, but it ran: ${test}`),
  ...[...listed]
    .filter(([, reason]) => !reason)
    .map(([test]) => `in .ci/skips.txt without a reason: ${test}`),
]
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.exitCode = problems.length === 0 ? 0 : 1

function patternOf(test) {
  const literal = test.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${literal.replaceAll('*', '.*')}$`, 's')
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(path.delimiter).some(folder => existsSync(path.join(folder, program)))
}

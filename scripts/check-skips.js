// Compares the tests that a run skipped with .ci/skips.txt, both ways: `node scripts/check-skips.js SUMMARY`. A skip that
// nobody wrote down with its reason fails, and so does one that is written down and ran.
import { readFileSync } from 'node:fs'

const { skipped } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const listed = new Map(
  readFileSync(new URL('../.ci/skips.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.split('\t'))
    .map(([test, reason]) => [test, reason]),
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

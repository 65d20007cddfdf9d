// The last line of a test run, alone on its line, for whoever reads only that: `N passed, N failed, N skipped`.
// HOLDFAST_TEST_SUMMARY names a file for it, for how many tests ran and for the names of those that were skipped.
import { writeFileSync } from 'node:fs'

export default class ClosingLine {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length }
    const skipped = []
    for (const module of modules) {
      let tests = 0
      for (const test of module.children.allTests()) {
        tests += 1
        const state = test.result().state
        if (state === 'passed') count.passed += 1
        else if (state === 'failed') count.failed += 1
        else skipped.push(`${module.relativeModuleId} > ${test.fullName}`)
      }
      // A file that could not be loaded has no tests of its own.
      if (tests === 0 && module.state() === 'failed') count.failed += 1
    }
    const line = `${count.passed} passed, ${count.failed} failed, ${skipped.length} skipped`
    process.stdout.write(`\n${line}\n`)
    const file = process.env.HOLDFAST_TEST_SUMMARY
    if (file) writeFileSync(file, JSON.stringify({ line, ran: count.passed + count.failed, skipped }))
  }
}

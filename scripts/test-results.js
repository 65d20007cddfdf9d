// Keeps the last result of each test, and what it saw of its fault, in .holdfast/test-results.json for `npm run hazards`.
// A long run (`npm run soak`) is kept beside the short one.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const file = '.holdfast/test-results.json'

export default class TestResults {
  onTestRunEnd(modules) {
    const results = read()
    const kind = process.env.HOLDFAST_SOAK ? 'long' : 'short'
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        // What was filtered out keeps its last result.
        if (state !== 'passed' && state !== 'failed') continue
        const key = `${module.relativeModuleId} > ${test.fullName}`
        results[key] = {
          ...results[key],
          [kind]: { state, at: new Date().toISOString(), observed: test.meta().observed ?? [] },
        }
      }
    }
    mkdirSync('.holdfast', { recursive: true })
    writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`)
  }
}

function read() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return {}
  }
}

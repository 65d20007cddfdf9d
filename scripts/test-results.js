// Keeps the last result of each test, with what it saw of its fault, for `npm run hazards`: those of `npm test` in
// .holdfast/test-results.json, and those of long runs (`npm run soak`) in test/long-runs.json, which is committed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'

const long = process.env.HOLDFAST_SOAK !== undefined
const file = long ? 'test/long-runs.json' : '.holdfast/test-results.json'

export default class TestResults {
  onTestRunEnd(modules) {
    const results = read()
    let isNew = false
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        const observed = test.meta().observed ?? []
        // What was filtered out keeps its last result. Long runs are those of tests that see their fault.
        if ((state !== 'passed' && state !== 'failed') || (long && observed.length === 0)) continue
        const at = new Date().toISOString()
        const seed = long ? { seed: Number(process.env.SEED) } : {}
        isNew = true
        results[`${module.relativeModuleId} > ${test.fullName}`] = { state, at, ...seed, observed }
      }
    }
    if (!isNew) return
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  }
}

function read() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return {}
  }
}

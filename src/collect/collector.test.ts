import { describe } from 'vitest'
import { describeCollector } from '../../test/harness/collector-suite.ts'
import { memoryLog } from '../../test/harness/collector.ts'

describe('the collector on a log in memory', () => {
  describeCollector(memoryLog, { durability: 'memory' })
})

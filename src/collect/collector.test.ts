import { describeCollector } from '../../test/harness/collector-suite.ts'
import { memoryLog } from '../../test/harness/collector.ts'

describeCollector('memory', memoryLog, 'memory')

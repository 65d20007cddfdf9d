import path from 'node:path'
import { startKafka } from 'holdfast/server'
import type { StartDependency } from '../../contract/arm.ts'
import { untilState } from '../process/arm-process.ts'

/** One node of Apache Kafka for an arm alone. It is a child of the runner and ends with it. */
export const startNode: StartDependency = async ({ folder, signal }) => {
  const kafka = await startKafka({ dataDir: path.join(folder, 'kafka'), signal })
  const [node] = kafka.nodes
  if (!node) throw new Error('a Kafka without nodes')
  const running = (): number => {
    if (node.pid === undefined) throw new Error('kafka is not running')
    return node.pid
  }
  return {
    name: 'kafka',
    url: kafka.brokers,
    get pid() {
      return node.pid
    },
    async kill() {
      const pid = running()
      await node.kill()
      return `kafka (pid ${pid}) ended by SIGKILL`
    },
    async freeze() {
      const pid = running()
      node.pause()
      await untilState(pid, state => state === 'T')
      return `kafka (pid ${pid}) is stopped`
    },
    async thaw() {
      const pid = running()
      node.resume()
      await untilState(pid, state => state !== 'T')
      return `kafka (pid ${pid}) goes on`
    },
    async restart() {
      await node.start()
      return `kafka runs again: pid ${node.pid}`
    },
    stop: () => kafka.kill(),
  }
}

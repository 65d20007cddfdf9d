import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { javaKeys } from '../../../test/harness/java-keys.ts'
import { noOwnKafka } from '../../../test/kafka.ts'
import { partitioner } from '../../log/index.ts'
import { javaEnv, obtainKafka } from '../../server/kafka/kafka-installation.ts'

describe.skipIf(noOwnKafka)('the Java client of Kafka', () => {
  it('hazard 30: puts 10,000 keys where we put them', async () => {
    const { java, classPath } = await obtainKafka()
    const program = fileURLToPath(new URL('../../../test/java/Partitions.java', import.meta.url))
    const { stdout } = await promisify(execFile)(java, ['-cp', classPath, program], { env: javaEnv() })
    const theirs = stdout
      .trimEnd()
      .split('\n')
      .map(line => Number(line.split(' ')[1]))
    const choose = partitioner('t')
    expect(theirs).toEqual(javaKeys.map(key => choose({ key }, 12)))
  })
})

import { kafka } from '../../src/drivers/kafka/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { vehicles } from './vehicles.ts'

/** Made by a log of its own that is closed again: nothing of it runs beside what is measured. */
export async function createTopic({ brokers, topic }: { brokers: string; topic: string }): Promise<void> {
  const system = await kafka({ brokers }).open({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  })
  await system.log.topics.create(topic, { partitions: vehicles.partitions })
  await system.close()
}

import { isHoldfastError, type LogRecord } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { shortened } from '../failure.ts'
import { deadTopicOf } from './dead-topic.ts'
import { encodeLetter, type Death } from './letter-record.ts'

/** Writes the letter of an event that died; durable when it resolves. What it died of is cut short where it has no room. */
export async function writeDeath(log: Log, event: LogRecord, death: Death): Promise<void> {
  const dead = deadTopicOf(event.topic, death.group)
  try {
    await log.append(dead, [encodeLetter(event, death)])
  } catch (error) {
    if (!isHoldfastError(error, 'LOG_RECORD_TOO_LARGE')) throw error
    // The event itself had room in its topic.
    const [first, last] = [shortened(death.first), shortened(death.last)]
    await log.append(dead, [encodeLetter(event, { ...death, first, last })])
  }
}

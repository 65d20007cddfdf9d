import type { LogRecord } from '../event/index.ts'
import type { Copy } from './explanation.ts'

/** Which lane or letter a record belongs to that is not in a topic of events. */
export function copyOf({ topic, partition, offset }: LogRecord): Copy | undefined {
  const [, , group, kind] = /^(.+)\.([^.]+)\.(retry|dead)$/.exec(topic) ?? []
  if (group === undefined) return undefined
  return { topic, partition, offset, group, of: kind === 'retry' ? 'retry lane' : 'dead letter' }
}

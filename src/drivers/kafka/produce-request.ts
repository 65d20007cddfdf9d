import type { TopicPartition } from '../../event/index.ts'
import { WireWriter } from './wire-writer.ts'

/** One batch on its way to one partition. */
export interface PartitionBatch extends TopicPartition {
  /** As written-batch.ts makes it. */
  readonly bytes: Buffer
}

/** From here on sizes are varints, one more than they are. */
const COMPACT_FROM = 9

/**
 * The body of a Produce request, versions 3 to 11, which waits for all copies that are in step.
 *
 * ```text
 * transactional id, null   i16 acks   i32 timeout   (topic, (i32 partition, batch) each) each
 * ```
 */
export function produceRequest(
  version: number,
  { timeoutMs, batches }: { readonly timeoutMs: number; readonly batches: readonly PartitionBatch[] },
): Buffer[] {
  const isCompact = version >= COMPACT_FROM
  const parts: Buffer[] = []
  let writer = new WireWriter(HEAD_ROOM)
  const size = (n: number): void => {
    if (isCompact) writer.unsignedVarint(n + 1)
    else writer.int32(n)
  }
  const end = (): void => {
    if (isCompact) writer.int8(0) // no tagged fields
  }
  if (isCompact) writer.int8(0)
  else writer.int16(-1)
  writer.int16(ALL_IN_STEP)
  writer.int32(timeoutMs)
  const topics = Map.groupBy(batches, ({ topic }) => topic)
  size(topics.size)
  for (const [topic, batches] of topics) {
    const name = Buffer.from(topic)
    if (isCompact) writer.unsignedVarint(name.length + 1)
    else writer.int16(name.length)
    writer.bytes(name)
    size(batches.length)
    for (const { partition, bytes } of batches) {
      writer.int32(partition)
      size(bytes.length)
      // Not copied: the connection puts all parts together.
      parts.push(writer.view(0, writer.at), bytes)
      writer = new WireWriter(HEAD_ROOM)
      end()
    }
    end()
  }
  end()
  parts.push(writer.view(0, writer.at))
  return parts
}

const ALL_IN_STEP = -1
/** A name of a topic has up to 249 bytes. */
const HEAD_ROOM = 320

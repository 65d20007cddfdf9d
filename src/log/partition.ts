import { HoldfastError, type NewRecord } from '../event/index.ts'

/** Chooses the partition of a record among `partitions`. */
export type Partitioner = (record: Pick<NewRecord, 'key' | 'partition'>, partitions: number) => number

/**
 * The record's own `partition`, else the hash of its key, else the next one in turn. Throws `CONFIG_INVALID` for a
 * partition of its own that the topic does not have.
 */
export function partitioner(topic: string): Partitioner {
  let turn = 0
  return ({ key, partition }, partitions) => {
    if (partition !== undefined) {
      if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return partition
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `partition must be a whole number from 0 to ${partitions - 1} in topic ${topic}, got ${partition}`,
      })
    }
    return key === undefined ? turn++ % partitions : partitionOfKey(key, partitions)
  }
}

/** Where the Java client of Kafka puts this key: other producers of the topic put it in the same place. */
export function partitionOfKey(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions
}

/** MurmurHash2, 32 bits, with the seed of Kafka's Java client. A signed number, as there. */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995
  const words = data.length & ~3
  let h = 0x9747b28c ^ data.length
  for (let i = 0; i < words; i += 4) {
    let k = byte(data, i) | (byte(data, i + 1) << 8) | (byte(data, i + 2) << 16) | (byte(data, i + 3) << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    h = Math.imul(h, m) ^ Math.imul(k, m)
  }
  const rest = data.length - words
  if (rest === 3) h ^= byte(data, words + 2) << 16
  if (rest >= 2) h ^= byte(data, words + 1) << 8
  if (rest >= 1) h = Math.imul(h ^ byte(data, words), m)
  h = Math.imul(h ^ (h >>> 13), m)
  return h ^ (h >>> 15)
}

function byte(data: Uint8Array, at: number): number {
  return data[at] ?? 0
}

/**
 * What members of a Kafka group of the type `consumer` tell each other, in the bytes that brokers and Kafka's own tools
 * read as well: by them `kafka-consumer-groups` shows who has what, and brokers know which positions may not expire.
 *
 *     subscription: version i16 · topics [string] · user data bytes · owned [topic, [partition]]   (version 1)
 *     assignment:   version i16 · assigned [topic, [partition]] · user data bytes                  (version 1)
 *
 * Lengths are big-endian: i16 before a string, i32 before an array and before bytes, where -1 means none.
 */
export interface WireSubscription {
  readonly topics: readonly string[]
  readonly userData: Buffer | undefined
  readonly owned: readonly TopicPartitions[]
}

export interface WireAssignment {
  readonly assigned: readonly TopicPartitions[]
  readonly userData: Buffer | undefined
}

export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

export function encodeSubscription({ topics, userData, owned }: WireSubscription): Buffer {
  return Buffer.concat([i16(VERSION), ...array(topics, string), ...bytes(userData), ...array(owned, topic)])
}

export function encodeAssignment({ assigned, userData }: WireAssignment): Buffer {
  return Buffer.concat([i16(VERSION), ...array(assigned, topic), ...bytes(userData)])
}

/** Throws a RangeError for bytes that are cut short. Fields that an older version does not have are empty. */
export function decodeSubscription(from: Buffer): WireSubscription {
  const read = new Cursor(from)
  const version = read.i16()
  const topics = read.array(() => read.string())
  const userData = read.bytes()
  return { topics, userData, owned: version >= 1 && read.left > 0 ? read.array(() => read.topic()) : [] }
}

/** Throws a RangeError for bytes that are cut short. No bytes at all: a member that was given nothing. */
export function decodeAssignment(from: Buffer): WireAssignment {
  const read = new Cursor(from)
  if (read.left === 0) return { assigned: [], userData: undefined }
  read.i16()
  return { assigned: read.array(() => read.topic()), userData: read.left > 0 ? read.bytes() : undefined }
}

const VERSION = 1

function i16(value: number): Buffer {
  const buffer = Buffer.alloc(2)
  buffer.writeInt16BE(value)
  return buffer
}

function i32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value)
  return buffer
}

function string(value: string): Buffer[] {
  const text = Buffer.from(value)
  return [i16(text.length), text]
}

function bytes(value: Buffer | undefined): Buffer[] {
  return value === undefined ? [i32(-1)] : [i32(value.length), value]
}

function array<Item>(items: readonly Item[], encode: (item: Item) => Buffer[]): Buffer[] {
  return [i32(items.length), ...items.flatMap(encode)]
}

function topic({ topic, partitions }: TopicPartitions): Buffer[] {
  return [...string(topic), ...array(partitions, partition => [i32(partition)])]
}

class Cursor {
  readonly #from: Buffer
  #at = 0

  constructor(from: Buffer) {
    this.#from = from
  }

  get left(): number {
    return this.#from.length - this.#at
  }

  i16(): number {
    const value = this.#from.readInt16BE(this.#at)
    this.#at += 2
    return value
  }

  i32(): number {
    const value = this.#from.readInt32BE(this.#at)
    this.#at += 4
    return value
  }

  string(): string {
    return this.#take(this.i16()).toString()
  }

  bytes(): Buffer | undefined {
    const length = this.i32()
    return length < 0 ? undefined : this.#take(length)
  }

  array<Item>(read: () => Item): Item[] {
    const length = this.i32()
    // No item takes less than two bytes: a length that is damage does not make a loop of billions.
    if (length > this.left / 2) throw new RangeError(`${length} items in ${this.left} bytes`)
    return Array.from({ length: Math.max(0, length) }, read)
  }

  topic(): TopicPartitions {
    return { topic: this.string(), partitions: this.array(() => this.i32()) }
  }

  #take(length: number): Buffer {
    if (length < 0 || length > this.left) throw new RangeError(`${length} bytes of ${this.left}`)
    this.#at += length
    return this.#from.subarray(this.#at - length, this.#at)
  }
}

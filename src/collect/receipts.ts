import { offset, type Position } from '../event/index.ts'

/** A receipt is the position itself, so nothing has to be kept for it: `events.raw.3.17`. */
export function receiptOf({ topic, partition, offset }: Position): string {
  return `${topic}.${partition}.${offset}`
}

/** The position of a receipt; undefined for a text that is none. */
export function positionOf(receipt: string): Position | undefined {
  const [, topic, partition, at] = /^([a-zA-Z0-9._-]{1,200})\.(\d{1,4})\.(\d{1,19})$/.exec(receipt) ?? []
  if (topic === undefined || partition === undefined || at === undefined) return undefined
  return { topic, partition: Number(partition), offset: offset(at) }
}

import type { LogRecord } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { deadTopicOf, decodeLetter, LetterBook } from '../recover/index.ts'
import type { LetterNote } from './explanation.ts'

/** The dead letter of an event as it stands. Reads all that was written about letters of its partition. */
export async function letterOf(
  log: Log,
  { topic, partition, offset }: LogRecord,
  group: string,
  signal: AbortSignal,
): Promise<LetterNote | undefined> {
  const dead = { topic: deadTopicOf(topic, group), partition }
  const settings = await log.topics.describe(dead.topic)
  if (settings === undefined || partition >= settings.partitions) return undefined
  const book = new LetterBook(log, dead)
  await book.readOn(signal)
  const booked = book.of(offset)
  const death = booked && decodeLetter(await book.record(booked.death, signal))
  if (!death) return undefined
  const { id, reason, attempts, last, diedAt } = death
  return { id, status: booked.state.status, reason, attempts, last, diedAt }
}

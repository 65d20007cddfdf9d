import { embedded, kafka, type LogDriver } from 'holdfast'
import { vehicles, vehiclesIn } from './vehicles.ts'

/** Where the events of a program are: in a folder, or in a topic of a Kafka. */
export interface Place {
  readonly folder: string
  /** Used instead of the folder. */
  readonly brokers?: string | undefined
  /** Defaults to `vehicles`. */
  readonly topic?: string | undefined
}

export function logAt({ folder, brokers }: Place): LogDriver {
  return brokers === undefined ? embedded(folder) : kafka({ brokers })
}

export function topicAt({ topic }: Place): ReturnType<typeof vehiclesIn> {
  return topic === undefined ? vehicles : vehiclesIn(topic)
}

import { embedded, kafka, type LogDriver } from 'holdfast'

/** Where the log of an arm is; plain settings, since each of its processes is told. */
export interface ArmLog {
  readonly folder: string
  /** Of a Kafka, which is used instead of the folder. */
  readonly brokers?: string | undefined
}

export function logOf({ folder, brokers }: ArmLog): LogDriver {
  return brokers === undefined ? embedded(folder) : kafka({ brokers })
}

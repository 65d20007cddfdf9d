import type { Log } from '../../src/log/index.ts'

/** The log with its methods, so that some can be replaced. */
export function boundLog(log: Log): Log {
  return {
    kind: log.kind,
    durability: log.durability,
    topics: log.topics,
    append: (topic, records) => log.append(topic, records),
    read: (at, limits, signal) => log.read(at, limits, signal),
    bounds: tp => log.bounds(tp),
    offsetAt: (tp, time) => log.offsetAt(tp, time),
    deleteRecords: before => log.deleteRecords(before),
    close: () => log.close(),
  }
}

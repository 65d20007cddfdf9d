export type { GroupStore, GroupTopics, GroupTransaction, GroupView } from './group-store.ts'
export { partitioner, partitionOfKey, type Partitioner } from './partition.ts'
export type * from './port.ts'
export { systemProcessProbe, type ProcessIdentity, type ProcessProbe } from './process-probe.ts'

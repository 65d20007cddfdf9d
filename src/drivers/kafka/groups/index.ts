export { kafkaGroups, type KafkaGroups, type KafkaGroupsDeps } from './kafka-groups.ts'
export { resolveGroupOptions, type GroupOptions, type ResolvedGroupOptions } from './options.ts'

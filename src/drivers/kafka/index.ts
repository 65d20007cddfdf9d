export type { GroupOptions as KafkaGroupOptions } from './groups/options.ts'
export { kafka } from './kafka.ts'
export type { KafkaCompression, KafkaOptions, KafkaReplication, KafkaSasl, KafkaTls } from './options.ts'

export { kafkaGroups, type KafkaGroups, type KafkaGroupsDeps } from './kafka-groups.ts'

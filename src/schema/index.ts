export { breaks, same, type Break } from './compatible.ts'
export type { JsonSchema } from './json-schema.ts'
export {
  recordKey,
  topic,
  type AllKeyed,
  type AnyTopic,
  type DataOf,
  type EventOf,
  type EventType,
  type Topic,
  type TypesOf,
} from './topic.ts'

export {
  recordKey,
  topic,
  type AllKeyed,
  type AnyTopic,
  type DataOf,
  type EventOf,
  type Topic,
  type TypesOf,
} from './topic.ts'

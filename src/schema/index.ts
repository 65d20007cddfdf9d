export {
  recordKey,
  topic,
  type AllKeyed,
  type AnyTopic,
  type Checked,
  type DataOf,
  type EventOf,
  type EventType,
  type Issue,
  type Topic,
  type TypesOf,
} from './topic.ts'

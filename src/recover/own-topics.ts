import { laneTopicOf } from './lane/lane-codec.ts'
import { deadTopicOf } from './letters/dead-topic.ts'

/**
 * What a group has beside a topic that it reads: its retry lane, and then its dead letters. Whoever deletes keeps to that
 * order: a group that has lost its positions is found by the name of the second.
 */
export function ownTopicsOf(topic: string, group: string): readonly string[] {
  return [laneTopicOf(topic, group), deadTopicOf(topic, group)]
}

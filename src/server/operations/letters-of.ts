import { deadLetters, type DeadLetters } from '../../recover/index.ts'
import type { AnyTopic } from '../../schema/index.ts'
import { topicsOf } from '../declared.ts'
import type { OperationContext } from './operation.ts'

/** Those that the app which is asked has read, else the log's own. */
export function lettersOf(
  { system, app, declared, clock, random, actor }: OperationContext,
  group: string,
): DeadLetters {
  if (app) return app.dead(group)
  const topics = declared === undefined ? [] : topicsOf(declared)
  const topicOf = (name: string): AnyTopic | undefined => topics.find(topic => topic.name === name)
  return deadLetters({ log: system.log, group, clock, random, by: actor.name, topicOf })
}

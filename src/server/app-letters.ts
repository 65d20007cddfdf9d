import type { GroupStatus } from '../consume/index.ts'
import { deadLetters, type DeadLetters } from '../recover/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { AppContext } from './app-context.ts'

/** The dead letters of the groups of an app. Kept for each, because they remember what they have read. */
export class AppLetters {
  readonly #context: AppContext
  /** Those that the app declares. */
  readonly #topics: () => readonly AnyTopic[]
  readonly #byGroup = new Map<string, DeadLetters>()

  constructor(context: AppContext, topics: () => readonly AnyTopic[]) {
    this.#context = context
    this.#topics = topics
  }

  of(group: string): DeadLetters {
    const known = this.#byGroup.get(group)
    if (known) return known
    const { app, system, clock, random } = this.#context
    const letters = deadLetters({
      log: system.log,
      group,
      clock,
      random,
      by: app,
      topicOf: name => this.#topics().find(topic => topic.name === name),
    })
    this.#byGroup.set(group, letters)
    return letters
  }

  /** What was read is of no use any more. */
  forget(): void {
    this.#byGroup.clear()
  }

  /** What the groups say of themselves, with the letters that nobody has decided about. */
  countedIn(groups: readonly Omit<GroupStatus, 'deadLetters'>[]): Promise<GroupStatus[]> {
    return Promise.all(
      groups.map(async status => {
        const open = await this.of(status.group).openByTopic()
        return { ...status, deadLetters: [...open.values()].reduce((sum, { letters }) => sum + letters, 0) }
      }),
    )
  }
}

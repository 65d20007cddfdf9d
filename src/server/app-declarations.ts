import { GroupDeclaration, type ConsumerPolicy } from '../consume/index.ts'
import { HoldfastError } from '../event/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { AppCollectorOptions } from './app-api.ts'

/** What an app is told to do, before it starts and never after. */
export class AppDeclarations {
  /** By name. */
  readonly groups = new Map<string, GroupDeclaration>()
  #collector: AppCollectorOptions | undefined
  #isOver = false

  /** Throws `CONFIG_INVALID` for a group that has been declared, and once the app has started. */
  consumer(
    group: string,
    topics: AnyTopic | readonly AnyTopic[],
    policy: ConsumerPolicy<boolean, string>,
  ): GroupDeclaration {
    const name = `consumer ${JSON.stringify(group)}`
    if (this.#isOver) refuse(`${name} was declared after start(); declare all groups first`)
    if (this.groups.has(group)) refuse(`${name} is declared twice`)
    const list: readonly AnyTopic[] = Array.isArray(topics) ? topics : [topics]
    const declaration = new GroupDeclaration(group, list, policy)
    this.groups.set(group, declaration)
    return declaration
  }

  /** Throws `CONFIG_INVALID` for a second one, and once the app has started. */
  set collector(options: AppCollectorOptions) {
    if (this.#isOver || this.#collector) refuse('collector() is called once, and before start()')
    this.#collector = options
  }

  get collector(): AppCollectorOptions | undefined {
    return this.#collector
  }

  /** The app starts. */
  end(): void {
    this.#isOver = true
  }

  /** Those that a group reads. */
  get topics(): readonly AnyTopic[] {
    return [...this.groups.values()].flatMap(declaration => declaration.topics)
  }
}

function refuse(detail: string): never {
  throw new HoldfastError('CONFIG_INVALID', { detail })
}

import type { Database } from 'holdfast'
import type { Slowness } from '../process/in-process.ts'

/** The database, whose transactions begin as late as `slowness` says: a consumer that is slow, without touching the app. */
export function slowed(database: Database, slowness: Slowness): Database {
  return {
    kind: database.kind,
    where: database.where,
    async open(env) {
      const sink = await database.open(env)
      const apply: typeof sink.apply = async (...work) => {
        await slowness()
        return sink.apply(...work)
      }
      return new Proxy(sink, {
        get(target, name) {
          if (name === 'apply') return apply
          const member: unknown = Reflect.get(target, name, target)
          return typeof member === 'function' ? (member.bind(target) as unknown) : member
        },
      })
    },
  }
}

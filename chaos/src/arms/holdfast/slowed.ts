import type { Database, LogDriver } from 'holdfast'
import type { Slowness } from '../process/in-process.ts'

/** The log, whose appends begin as late as `slowness` says: a collector that is slow, without touching the app. */
export function slowedLog(log: LogDriver, slowness: Slowness): LogDriver {
  return {
    ...log,
    async open(env) {
      const system = await log.open(env)
      return instead(system, 'log', late(system.log, 'append', slowness))
    },
  }
}

/** The same for the transactions of a consumer. */
export function slowedDatabase(database: Database, slowness: Slowness): Database {
  return {
    kind: database.kind,
    where: database.where,
    open: async env => late(await database.open(env), 'apply', slowness),
  }
}

function late<T extends object, Name extends keyof T & string>(of: T, method: Name, slowness: Slowness): T {
  const call = of[method] as (...args: unknown[]) => unknown
  return instead(of, method, (async (...args: unknown[]) => {
    await slowness()
    return call.apply(of, args)
  }) as T[Name])
}

/** `of` with another member; the rest stays what and whose it was. */
function instead<T extends object, Name extends keyof T & string>(of: T, name: Name, member: T[Name]): T {
  return new Proxy(of, {
    get(target, asked) {
      if (asked === name) return member
      const found: unknown = Reflect.get(target, asked, target)
      return typeof found === 'function' ? (found.bind(target) as unknown) : found
    },
  })
}

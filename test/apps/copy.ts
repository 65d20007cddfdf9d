/**
 * The app to which a log is moved: `COPY` says where, as JSON. `DIE_AT` kills the process right before it does something
 * for the nth time: `append 3`, `positions 2`, or `read 9` to die while it compares.
 */
import process from 'node:process'
import { app, type LogDriver } from 'holdfast'
import { movesLog, type MovesLog } from './moves-log.ts'

const driver = movesLog(JSON.parse(process.env['COPY'] ?? '{}') as MovesLog)
const [act, nth] = (process.env['DIE_AT'] ?? '').split(' ')
let times = 0

type System = Awaited<ReturnType<LogDriver['open']>>

async function open(env: Parameters<LogDriver['open']>[0]): Promise<System> {
  const system = await driver.open(env)
  return { ...system, log: deadly(system.log), imports: system.imports && deadly(system.imports) }
}

function deadly<T extends object>(of: T): T {
  return new Proxy(of, {
    get(of, name) {
      const value: unknown = Reflect.get(of, name)
      if (typeof value !== 'function') return value
      return (...given: unknown[]): unknown => {
        if (name === act && ++times === Number(nth)) process.kill(process.pid, 'SIGKILL')
        return value.apply(of, given) as unknown
      }
    },
  })
}

export default app({ name: 'moves', log: { ...driver, open } })

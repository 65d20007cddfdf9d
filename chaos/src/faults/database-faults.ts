import { setTimeout as wait } from 'node:timers/promises'
import type { FaultPlan } from '../contract/scenario.ts'
import type { Held } from './database.ts'
import { probe } from './probe.ts'

export type DatabaseFault = Extract<FaultPlan, { target: 'postgres' }>['fault']

interface Fault {
  begin(held: Held): Promise<string[]>
  end(held: Held): Promise<string[]>
}

/** How much longer everything takes that is sent to a slow database. */
const SLOW_MS = 500
/** A database that has not answered by then is away. */
const AWAY_MS = 1_000
/** Recovery after a crash, on a machine that does other things. */
const BACK_LIMIT_MS = 120_000

/** Each begins a fault and asks the database as anybody would; what that question met is the observation. */
export const databaseFaults: Readonly<Record<DatabaseFault, Fault>> = {
  kill: {
    async begin(held) {
      const pid = held.server?.pid
      await held.server?.kill()
      return await away(held, `PostgreSQL (pid ${pid}) and its backends ended by SIGKILL`)
    },
    async end(held) {
      const start = performance.now()
      await held.restart()
      return await back(held, start)
    },
  },
  stop: {
    async begin(held) {
      held.server?.pause()
      return await away(held, `PostgreSQL (pid ${held.server?.pid}) and its backends got SIGSTOP`)
    },
    async end(held) {
      held.server?.resume()
      return await back(held)
    },
  },
  reset: {
    async begin(held) {
      const { proxy } = held
      if (!proxy) return []
      proxy.resetting = true
      const open = proxy.resets
      const { answered, said } = await probe(through(held), 'select 1', AWAY_MS)
      return answered ? [] : [`${open} open connections were reset`, `a new connection met ${said}`]
    },
    async end(held) {
      if (held.proxy) held.proxy.resetting = false
      return await back(held)
    },
  },
  slow: {
    async begin(held) {
      if (!held.proxy) return []
      held.proxy.delayMs = SLOW_MS
      const { answered, ms } = await probe(through(held), 'select 1', 60_000)
      return answered && ms > SLOW_MS ? [`a question took ${Math.round(ms)} ms`] : []
    },
    async end(held) {
      if (held.proxy) held.proxy.delayMs = 0
      return await back(held)
    },
  },
  'disk-full': {
    async begin(held) {
      const bytes = held.disk?.fill() ?? 0
      const { answered, said } = await probe(held.direct, WRITE, 10_000)
      return answered ? [] : [`ENOSPC after ${bytes} bytes were taken`, `a write met ${said}`]
    },
    async end(held) {
      held.disk?.free()
      return await back(held)
    },
  },
}

/** More than what is left anywhere; a table that did not fit leaves nothing behind. */
const WRITE = `create table held_up as select repeat('x', 1000) from generate_series(1, 100000)`

async function away(held: Held, what: string): Promise<string[]> {
  const { answered, said } = await probe(held.direct, 'select 1', AWAY_MS)
  return answered ? [] : [what, `a new connection met ${said}`]
}

/** Asks until the database answers. One that ended itself meanwhile, as with a full disk, is started again. */
async function back(held: Held, start: number = performance.now()): Promise<string[]> {
  let ended = false
  void held.server?.exited.then(() => (ended = true))
  for (;;) {
    const { answered, said } = await probe(through(held), 'select 1', AWAY_MS)
    const ms = performance.now() - start
    if (answered) return [`it answered again ${Math.round(ms)} ms after the end`]
    if (ms > BACK_LIMIT_MS) throw new Error(`the database did not come back in ${BACK_LIMIT_MS} ms: ${said}`)
    if (ended) {
      ended = false
      await held.restart()
      void held.server?.exited.then(() => (ended = true))
    }
    await wait(100)
  }
}

/** As the arms see it. */
function through({ direct, proxy }: Held): string {
  if (!proxy) return direct
  const url = new URL(direct)
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  return url.href
}

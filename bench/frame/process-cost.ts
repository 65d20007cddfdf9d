import { readFileSync } from 'node:fs'

/** What a process cost so far, as Linux counts it. */
export interface ProcessCost {
  /** User and system time of all its threads. */
  readonly cpuSeconds: number
  /** Memory of its own: without files that are mapped, such as the log's. */
  readonly rssAnonMiB: number
}

export function processCost(pid: number | 'self'): ProcessCost {
  // Fields are counted behind the name, which may hold blanks; ticks are a hundredth of a second on Linux.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const rssKiB = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    rssAnonMiB: Number(rssKiB) / 1024,
  }
}

/** Watches a process from now on; `stop` answers what the time between cost. */
export function watchCost(pid: number | 'self'): { stop(): ProcessCost } {
  const before = processCost(pid)
  let most = before.rssAnonMiB
  const timer = setInterval(() => (most = Math.max(most, processCost(pid).rssAnonMiB)), 50)
  return {
    stop() {
      clearInterval(timer)
      const after = processCost(pid)
      return {
        cpuSeconds: after.cpuSeconds - before.cpuSeconds,
        rssAnonMiB: Math.max(most, after.rssAnonMiB),
      }
    },
  }
}

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Figure } from './benchmark.ts'
import type { Outcome } from './stopwatch.ts'

const folder = join(import.meta.dirname, '..')

/** A measured program in a process of its own, so that no arm runs on the heap or the compiled code of another. */
export interface Program {
  readonly pid: number
  /** The next message that it sends. Rejects when it ends instead. */
  next<T>(): Promise<T>
  /** SIGTERM, and the end that follows. */
  end(): Promise<void>
}

export function startProgram(file: string, options: unknown): Program {
  const child = fork(join(folder, file), [JSON.stringify(options)], {
    execArgv: ['--conditions=holdfast-source'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  })
  const gone = once(child, 'exit').then(([code, signal]) => `${file} ended: ${String(code ?? signal)}`)
  const messages = inbox(child)
  return {
    pid: child.pid ?? -1,
    async next<T>() {
      const first = await Promise.race([messages.next(), gone])
      if (typeof first === 'string') throw new Error(first)
      return first.message as T
    },
    async end() {
      child.kill('SIGTERM')
      await gone
    },
  }
}

/** Messages in order, also those that came before anybody asked. */
function inbox(child: ChildProcess): { next(): Promise<{ message: unknown }> } {
  const waiting: { message: unknown }[] = []
  let wake: (() => void) | undefined
  child.on('message', message => {
    waiting.push({ message })
    wake?.()
  })
  return {
    async next() {
      for (;;) {
        const first = waiting.shift()
        if (first) return first
        await new Promise<void>(resolve => (wake = resolve))
      }
    },
  }
}

/** Runs a program to its end and answers what it said. */
export async function runProgram<T = Outcome>(file: string, options: unknown): Promise<T> {
  const program = startProgram(file, options)
  try {
    return await program.next<T>()
  } finally {
    await program.end()
  }
}

/** Events in a second, and what they cost. */
export function rateOf({ events, seconds, cpuSeconds, rssAnonMiB, bytes }: Outcome): Figure {
  return {
    value: events / seconds,
    cpuSecondsPerMillion: (cpuSeconds / events) * 1e6,
    rssAnonMiB,
    ...(bytes === undefined ? {} : { bytesPerEvent: bytes / events }),
  }
}

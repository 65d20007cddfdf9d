import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import type { LogDriver, LogSystem } from '../../src/log/index.ts'
import { movesLog, type MovesLog } from '../apps/moves-log.ts'
import { moves } from '../apps/moves-topic.ts'
import { startChild, type Child } from '../harness/child.ts'
import type { System } from './system.ts'

const root = join(import.meta.dirname, '../..')

export interface MoveReport {
  readonly partitions: readonly {
    readonly topic: string
    readonly passed: string
    readonly records: number
  }[]
  readonly positions: readonly { readonly group: string; readonly offset: string; readonly lag: string }[]
  readonly backlogs: readonly { readonly group: string; readonly parked: number; readonly letters: number }[]
}

/** A log that is moved. */
export class Move {
  readonly system: System
  readonly copy: MovesLog

  constructor(system: System, brokers?: readonly string[]) {
    this.system = system
    this.copy = { data: `${system.data} moved`, brokers }
  }

  command(options: readonly string[], dieAt = ''): Promise<Child> {
    const { system, copy } = this
    const to = copy.brokers === undefined ? 'embedded' : 'kafka'
    const args = [
      '--from',
      'embedded',
      '--log',
      system.data,
      '--to',
      to,
      '--app',
      join(root, 'test/apps/copy.ts'),
    ]
    return startChild({
      name: 'holdfast log migrate',
      args: [join(root, 'bin/holdfast.js'), 'log', 'migrate', ...args, ...options],
      env: { COPY: JSON.stringify(copy), DIE_AT: dieAt },
      cwd: root,
    })
  }

  async report(...options: readonly string[]): Promise<MoveReport> {
    const command = await this.command(['-o', 'json', ...options])
    const { code } = await command.exited
    expect(code, command.stderr.join('\n')).toBe(0)
    return JSON.parse(command.stdout.join('\n')) as MoveReport
  }

  /** The app on the new log. */
  there(): System {
    const { system, copy } = this
    return { ...system, openLog: () => open(movesLog(copy)) }
  }
}

const open = (driver: LogDriver): Promise<LogSystem> =>
  driver.open({ clock: systemClock, random: systemRandom, logger: silentLogger })

export async function within<T>(system: System, use: (log: LogSystem) => Promise<T>): Promise<T> {
  const opened = await system.openLog()
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}

/** Offsets in all partitions, whether their events are still there or not. */
export const offsetsIn = (system: System): Promise<bigint> =>
  within(system, async ({ log }) => {
    let offsets = 0n
    for (const topic of (await log.topics.list()).filter(name => name.startsWith(moves.name))) {
      const { partitions } = (await log.topics.describe(topic)) ?? { partitions: 0 }
      for (let partition = 0; partition < partitions; partition++)
        offsets += (await log.bounds({ topic, partition })).end
    }
    return offsets
  })

/** Whatever the other tests run on, this one moves from here. */
export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-moved-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return join(made, 'log')
}

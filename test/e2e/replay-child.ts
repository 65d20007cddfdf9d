import { join } from 'node:path'
import type { ReplayState } from '../../src/index.ts'
import { startChild, type Child } from '../harness/child.ts'

/** A process of `apps/fills.ts` or `apps/redoes.ts`. */
export function startReplayChild(name: 'fills' | 'redoes', options: object): Promise<Child> {
  const main = join(import.meta.dirname, `../apps/${name}.ts`)
  return startChild({ name, args: ['--conditions=holdfast-source', main, JSON.stringify(options)] })
}

/** How the newest replay ended, as the process saw it. */
export async function endOf(child: Child): Promise<Pick<ReplayState, 'state' | 'counts'>> {
  const [, end = ''] = await child.line(/^ended (.*)$/)
  return JSON.parse(end) as Pick<ReplayState, 'state' | 'counts'>
}

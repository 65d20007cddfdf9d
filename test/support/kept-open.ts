import type { LogDriver, LogSystem } from '../../src/log/index.ts'

/** One open log for several apps: who stops leaves it open for the others. */
export function keptOpen(system: LogSystem): LogDriver {
  return { kind: 'memory', where: 'memory', open: async () => ({ ...system, close: async () => {} }) }
}

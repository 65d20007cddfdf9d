import { describe, expect, it } from 'vitest'
import { observed } from '../../../test/harness/observed.ts'
import { scale, seed } from '../../../test/harness/scale.ts'
import { firstBroken } from '../../../test/support/lane-runs.ts'
import { letterAfter } from '../letter-state.ts'
import { retryLane } from './lane.ts'

const subject = { retryLane, letterAfter }
const runs = scale({ short: 10_000, long: 250_000 })

/** What must have happened often in every part, or the runs would prove nothing. */
const kinds = [
  'order key',
  'order none',
  'order partition',
  'batches',
  'took over',
  'crashed',
  'stopped',
  'append stored twice',
  'park from topic',
  'park from lane',
  'park from letter',
  'start',
  'attempt',
  'closed',
  'answer',
  'forgot',
  'waited for its key',
  'was due',
  'shared a run',
  'ran behind its head',
  'replay',
  'release',
  'discard',
  'restore',
  'edit',
  'cancel',
  'run-now',
  'died of attempts',
  'died of data',
  'died of process-died',
  'died of cancelled',
  'reprocess',
  'reprocess done',
  'reprocess cancelled',
  'superseded an entry',
  'superseded a letter',
  'letter of before',
]

describe('a partition with its retry lane, with owners that crash, stand still and come back', () => {
  // In four parts, so that a slow machine reports in between.
  it.each([0, 1, 2, 3])(
    'loses, doubles and reorders nothing, blames nobody and comes to an end: part %i',
    part => {
      const seen = new Map<string, number>()
      const found = firstBroken(subject, seed * 1_000_003 + part * runs, runs, seen)
      expect(found && `${found.what}\nseed ${found.seed}\n${found.trace}`).toBeUndefined()
      for (const kind of kinds) expect([kind, seen.get(kind)]).toEqual([kind, expect.any(Number)])
      observed(`${runs} runs: ${kinds.map(kind => `${seen.get(kind)} ${kind}`).join(', ')}`)
    },
    3_600_000,
  )
})

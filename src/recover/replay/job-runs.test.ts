import { describe, expect, it } from 'vitest'
import { observed } from '../../../test/harness/observed.ts'
import { scale, seed } from '../../../test/harness/scale.ts'
import { withFault } from '../../../test/support/planted.ts'
import { runJobs, type Seen } from '../../../test/support/job-runs.ts'
import { jobBook, type JobBook } from './job-book.ts'

const runs = scale({ short: 10_000, long: 500_000 })

/** What must have happened often, or the runs would prove nothing. */
const kinds = [
  'asked',
  'cancel',
  'took over',
  'took over from a live one',
  'crashed',
  'fenced',
  'a former owner spoke',
  'running',
  'waits',
  'reset',
  'done',
  'cancelled',
]

describe('replays of a partition, with owners that crash, stand still and come back', () => {
  it('pass nothing by, count nothing twice, never go back, and come to an end', () => {
    const seen: Seen = new Map()
    expect(firstBroken(jobBook, runs, seen)).toBeUndefined()
    for (const kind of kinds) expect([kind, seen.get(kind)]).toEqual([kind, expect.any(Number)])
    observed(`${runs} runs: ${kinds.map(kind => `${seen.get(kind)} ${kind}`).join(', ')}`)
  })

  // Each rule taken out of the real source: one that no run misses is not needed, or the runs prove nothing about it.
  it.each([
    ['the highest position counts', 'if (position > this.position) this.position', 'this.position'],
    ['the first last word stays', '    if (this.ended) return\n', ''],
    ['what a tenure says replaces what it said', 'set(tenure, counts)', 'set(String(at), counts)'],
    ['a request that comes twice is one job', 'if (!job) jobs.set', 'jobs.set'],
    ['a part that has ended is nobody\u2019s work', 'if (!part || part.ended)', 'if (!part)'],
    [
      'a cancelled job begins nothing',
      'cancelled: cancel !== undefined }\n      }\n      return',
      'cancelled: false }\n      }\n      return',
    ],
  ])('would miss the rule that %s', async (_, text, becomes) => {
    await withFault({ file: 'replay/job-book.ts', text, becomes }, async load => {
      const { jobBook: make } = (await load('replay/job-book.ts')) as { jobBook: () => JobBook }
      expect(firstBroken(make, 5_000, new Map())).toBeDefined()
    })
  })
})

function firstBroken(make: () => JobBook, count: number, seen: Seen): string | undefined {
  for (let n = 0; n < count; n++) {
    const broken = runJobs(make, seed * 1_000_003 + n, seen)
    if (broken) return `${broken}, seed ${seed * 1_000_003 + n}`
  }
  return undefined
}

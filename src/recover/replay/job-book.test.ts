import { describe, expect, it } from 'vitest'
import { offset } from '../../event/index.ts'
import { jobBook } from './job-book.ts'
import { noCounts, type Asked, type Progress } from './job-record.ts'

const TP = { topic: 't', partition: 0 }

function asked(job: string, over: Partial<Asked> = {}): Asked {
  const ranges = [{ ...TP, from: offset(2), to: offset(9) }]
  const wish = { job, at: 100, by: 'somebody', reason: 'ticket 7' }
  return { kind: 'asked', ...wish, group: 'g', mode: 'fill', ratePerSecond: undefined, ranges, ...over }
}

function progress(job: string, over: Partial<Progress> = {}): Progress {
  return {
    kind: 'progress',
    job,
    ...TP,
    tenure: 'w1',
    at: 200,
    position: offset(2),
    state: 'running',
    reason: undefined,
    counts: noCounts,
    ...over,
  }
}

const cancel = (job: string) => ({ kind: 'cancel', job, at: 150, by: 'other', reason: 'no' }) as const

describe('the book of replays', () => {
  it('gives the owner of a partition the oldest job of its group that has not ended there', () => {
    const book = jobBook()
    book.apply(asked('of another group', { group: 'h' }))
    book.apply(
      asked('of another partition', { ranges: [{ ...TP, partition: 1, from: offset(0), to: offset(1) }] }),
    )
    book.apply(asked('first'))
    book.apply(asked('second'))
    expect(book.next('g', TP)).toMatchObject({ job: { job: 'first' }, position: 2n, cancelled: false })
    book.apply(progress('first', { position: offset(5) }))
    expect(book.next('g', TP)).toMatchObject({ job: { job: 'first' }, position: 5n })
    book.apply(progress('first', { position: offset(9), state: 'done' }))
    expect(book.next('g', TP)).toMatchObject({ job: { job: 'second' }, position: 2n })
    expect(book.list().map(job => [job.id, job.state])).toEqual([
      ['second', 'waiting'],
      ['first', 'done'],
      ['of another partition', 'waiting'],
      ['of another group', 'waiting'],
    ])
  })

  it('says where a cancelled job stands, once every owner has said so', () => {
    const book = jobBook()
    const ranges = [0, 1].map(partition => ({ topic: 't', partition, from: offset(0), to: offset(9) }))
    book.apply(asked('j', { ranges }))
    book.apply(progress('j', { position: offset(9), state: 'done' }))
    book.apply(cancel('j'))
    expect(book.find('j')).toMatchObject({
      state: 'cancelling',
      endedAt: undefined,
      cancelled: { by: 'other' },
    })
    expect(book.next('g', { topic: 't', partition: 1 })?.cancelled).toBe(true)
    book.apply(progress('j', { partition: 1, at: 300, position: offset(4), state: 'cancelled' }))
    expect(book.find('j')).toMatchObject({ state: 'cancelled', endedAt: 300 })
    expect(book.find('j')?.parts.map(part => [part.state, part.position])).toEqual([
      ['done', 9n],
      ['cancelled', 4n],
    ])
  })

  it('does not cancel what has ended', () => {
    const book = jobBook()
    book.apply(asked('j'))
    book.apply(progress('j', { position: offset(9), state: 'done' }))
    book.apply(cancel('j'))
    expect(book.find('j')).toMatchObject({ state: 'done', cancelled: undefined })
  })

  it('adds up what owners have done one after another, and says why one stands still', () => {
    const book = jobBook()
    book.apply(asked('j'))
    book.apply(progress('j', { counts: { ...noCounts, applied: 2 } }))
    book.apply(progress('j', { counts: { ...noCounts, applied: 3 } }))
    book.apply(
      progress('j', {
        tenure: 'w2',
        state: 'waits',
        reason: 'unknown type',
        counts: { ...noCounts, applied: 1, known: 4 },
      }),
    )
    expect(book.find('j')).toMatchObject({ counts: { applied: 4, known: 4 }, state: 'running' })
    expect(book.find('j')?.parts[0]).toMatchObject({ state: 'waits', reason: 'unknown type' })
  })

  it('remembers the last thousand that have ended, and every one that has not', () => {
    const book = jobBook()
    book.apply(asked('open'))
    for (let i = 0; i < 1_100; i++) {
      book.apply(asked(`j${i}`, { group: 'h' }))
      book.apply(progress(`j${i}`, { position: offset(9), state: 'done' }))
    }
    expect(book.list().length).toBeLessThanOrEqual(1_001)
    expect(book.find('open')).toBeDefined()
    expect(book.find('j0')).toBeUndefined()
    expect(book.find('j1099')).toBeDefined()
  })

  it('passes over what is said of a job or a partition that it does not know', () => {
    const book = jobBook()
    book.apply(progress('nobody'))
    book.apply(cancel('nobody'))
    book.apply(asked('j'))
    book.apply(progress('j', { partition: 3, state: 'done' }))
    expect(book.list().map(job => job.state)).toEqual(['waiting'])
  })
})

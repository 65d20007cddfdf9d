import { describe, expect, it } from 'vitest'
import { offset, seededRandom, type Offset } from '../../event/index.ts'
import { SetAsideBook, setAsideId, type SetAsideEntry } from './set-aside-book.ts'

const entry = (at: number, topic = 'orders'): SetAsideEntry => ({
  topic,
  since: 1_000 + at,
  from: { topic, partition: 0, offset: offset(100 + at) },
})

function bookOf(...topics: readonly string[]): SetAsideBook {
  const book = new SetAsideBook(offset(0))
  for (const [at, topic] of topics.entries()) book.kept(offset(at), entry(at, topic))
  return book
}

describe('what is set aside', () => {
  it('has its cursor at the oldest of which nothing was decided, whatever was decided of newer ones', () => {
    const book = bookOf('orders', 'orders', 'orders')
    expect(book.cursorWithout([offset(1)])).toBe(0n)
    book.settled([offset(1)])
    expect(book.cursorWithout([])).toBe(0n)
    expect(book.cursorWithout([offset(0)])).toBe(2n)
    expect(book.cursorWithout([offset(0), offset(2)])).toBe(3n)
  })

  it('is told by topics, by ids and by places in lanes, as long as nothing was decided of it', () => {
    const book = bookOf('orders', 'notes', 'orders')
    expect(book.status()).toEqual({
      events: 3,
      since: 1_000,
      topics: [
        { topic: 'orders', events: 2 },
        { topic: 'notes', events: 1 },
      ],
    })
    expect(book.selected({ topic: 'orders' })).toEqual([0n, 2n])
    expect(book.selected({ ids: ['sa_1', 'sa_7', 'x'] })).toEqual([1n])
    expect(book.selected({ ids: ['sa_1'], topic: 'orders' })).toEqual([])
    expect(book.at({ topic: 'orders', partition: 0, offset: offset(102) })).toBe(2n)
    book.settled([offset(0), offset(2)])
    expect(book.status()).toEqual({ events: 1, since: 1_001, topics: [{ topic: 'notes', events: 1 }] })
    expect(book.at({ topic: 'orders', partition: 0, offset: offset(102) })).toBeUndefined()
  })

  it('never has its cursor above something open, in runs of keeping and deciding in any order', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed)
      const book = new SetAsideBook(offset(0))
      const open = new Set<Offset>()
      for (let at = 0; at < 60; at++) {
        book.kept(offset(at), entry(at))
        open.add(offset(at))
        const decided = [...open].filter(() => random() < 0.3)
        for (const one of decided) open.delete(one)
        const cursor = book.cursorWithout(decided)
        book.settled(decided)
        const oldest = [...open].toSorted((a, b) => Number(a - b))[0] ?? offset(at + 1)
        expect(cursor).toBe(oldest)
        expect(book.selected({}).map(setAsideId)).toEqual([...open].map(setAsideId))
      }
    }
  })
})

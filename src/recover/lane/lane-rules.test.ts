import { describe, expect, it } from 'vitest'
import { observed } from '../../../test/harness/observed.ts'
import { firstBroken } from '../../../test/support/lane-runs.ts'
import type { Subject } from '../../../test/support/lane-world/world.ts'
import { withFault, type Fault } from '../../../test/support/planted.ts'
import { letterAfter } from '../letter-state.ts'
import { retryLane } from './lane.ts'

/**
 * Each rule of the retry lane, taken out of the real source one at a time: a rule that no run misses is not needed, or
 * the runs of `lane-runs.test.ts` prove nothing about it.
 */
const rules: readonly (Fault & { readonly rule: string })[] = [
  {
    rule: 'a record counts only in the stretch of its own tenure',
    file: 'lane/tenure.ts',
    text: 'return tenure?.id === writer || tenure?.id === ANYBODY ? tenure : undefined',
    becomes: 'return tenure',
  },
  {
    rule: 'what was parked of the events that are delivered again is void',
    file: 'lane/fold.ts',
    text: '    this.#voidFrom(main)\n    const entries',
    becomes: '    const entries',
  },
  {
    rule: 'and so it is at the fences of those who took over before',
    file: 'lane/fold.ts',
    text: '      this.#voidFrom(next.main)\n',
    becomes: '',
  },
  {
    rule: 'a start that was stored twice is one start',
    file: 'lane/fold.ts',
    text: 'if (same && known.by.tenure === mark.tenure && mark.seq <= known.by.seq) return',
    becomes: '',
  },
  {
    rule: 'a start of an owner that let go is no death',
    file: 'lane/fold.ts',
    text: 'known.started = !tenure.released',
    becomes: 'known.started = true',
  },
  {
    rule: 'deaths are counted',
    file: 'lane/fold.ts',
    text: 'known.started = !tenure.released',
    becomes: 'known.started = false',
  },
  {
    rule: 'an answer ends its own request only',
    file: 'lane/fold.ts',
    text: 'this.#requests.delete(record.id)',
    becomes: 'this.#requests.clear()',
  },
  {
    rule: 'tenures are kept as long as the lane has records of them',
    file: 'lane/tenure.ts',
    text: 'return next === undefined || next.fence > lane || isForPeople',
    becomes: 'return next === undefined || i > tenures.length',
  },
  {
    rule: 'the queue of a key is sorted by origin',
    file: 'lane/key-queue.ts',
    text: '(this.entries[at - 1]?.origin ?? 0n) > entry.origin',
    becomes: '(this.entries[at - 1]?.position ?? 0n) > entry.position',
  },
  {
    rule: 'without an order nothing waits for anything else',
    file: 'lane/key-queue.ts',
    text: "    case 'none':\n      return `#${origin}`",
    becomes: "    case 'none':\n      return `=${key}`",
  },
  {
    rule: 'records without a key keep no order',
    file: 'lane/key-queue.ts',
    text: 'return key === undefined ? `#${origin}` : `=${key}`',
    becomes: 'return `=${key}`',
  },
  {
    rule: 'the order of a partition is that of all its keys',
    file: 'lane/key-queue.ts',
    text: "    case 'partition':\n      return ''",
    becomes: "    case 'partition':\n      return `=${key}`",
  },
  {
    rule: 'an event runs again when it is due and not before, at a successor too',
    file: 'lane/fold.ts',
    text: '    dueAt: mark.dueAt,\n',
    becomes: '    dueAt: state.dueAt,\n',
  },
  {
    rule: 'an event that failed in the topic waits until it is due',
    file: 'lane/topic-records.ts',
    text: '{ ...neverRan, attempts: 1, dueAt, first: failure, last: failure }',
    becomes: '{ ...neverRan, attempts: 1, first: failure, last: failure }',
  },
  {
    rule: 'the later rows of a key come back in order when one of its batch failed',
    file: 'lane/topic-records.ts',
    text: 'of back.toReversed()) queue',
    becomes: 'of back) queue',
  },
  {
    rule: 'a row that came back from a batch is tried alone where that is said',
    file: 'lane/topic-records.ts',
    text: '(!this.#intake || next.alone)',
    becomes: '!this.#intake',
  },
  {
    rule: 'an answer counts only of the tenure in whose stretch it stands',
    file: 'lane/fold.ts',
    text: "    if (!tenure) return\n    if (record.kind === 'answer') {",
    becomes: "    if (record.kind !== 'answer' && !tenure) return\n    if (record.kind === 'answer') {",
  },
  {
    rule: 'open entries block their key',
    file: 'lane/key-queue.ts',
    text: '(first !== undefined && first.origin < offset) || this.parking > 0',
    becomes: 'this.parking > 0',
  },
  {
    rule: 'a park under way blocks its key',
    file: 'lane/key-queue.ts',
    text: '(first !== undefined && first.origin < offset) || this.parking > 0',
    becomes: 'first !== undefined && first.origin < offset',
  },
  {
    rule: 'a closing mark under way holds back the next record of the topic',
    file: 'lane/key-queue.ts',
    text: ' && this.closing === 0',
    becomes: '',
  },
  {
    rule: 'a key does one thing at a time, in the lane',
    file: 'lane/entry-life.ts',
    text: "    entry.stage = 'starting'\n    this.#p.book.queue(entry.queue).running = true\n",
    becomes: "    entry.stage = 'starting'\n",
  },
  {
    rule: 'entries of a key that run together stand in order',
    file: 'lane/entry-life.ts',
    text: 'chosen.toSorted((a, b) => (a.origin < b.origin ? -1 : 1))',
    becomes: 'chosen.toReversed()',
  },
  {
    rule: 'entries that run together are of one generation',
    file: 'lane/followers.ts',
    text: ' && a.generation === b.generation',
    becomes: '',
  },
  {
    rule: 'replays do not share a run with what never died',
    file: 'lane/followers.ts',
    text: ' && (a.round === 0) === (b.round === 0)',
    becomes: '',
  },
  {
    rule: 'a key does one thing at a time, in the topic',
    file: 'lane/topic-records.ts',
    text: 'if (next && queue.frees(next) && (',
    becomes: 'if (next && !queue.blocks(next) && (',
  },
  {
    rule: 'a batch takes the records of a key in a row',
    file: 'lane/intake.ts',
    text: 'row.queue.frees(row.record) && row.queue.waiting[before] === row.record',
    becomes: 'row.queue.frees(row.record)',
  },
  {
    rule: 'a batch takes records of free keys only',
    file: 'lane/intake.ts',
    text: 'row.queue.frees(row.record) && row.queue.waiting[before] === row.record',
    becomes: 'row.queue.waiting[before] === row.record',
  },
  {
    rule: 'a park acts only past the gate',
    file: 'lane/entry-life.ts',
    text: "if (head.origin >= this.#p.own.main) return this.#ask(head, 'gate')",
    becomes: '',
  },
  {
    rule: 'a record is settled when its park is durable',
    file: 'lane/topic-records.ts',
    text: '    queue.parking += 1\n',
    becomes: '    queue.parking += 1\n    this.#p.settled(origin)\n    const settled = 0\n',
  },
  {
    rule: 'what a mark leads to waits until the mark is durable',
    file: 'lane/entry-life.ts',
    text: '      entry.state = afterAttempt(entry.state, mark)\n      then()\n    })',
    becomes: '    })\n    entry.state = afterAttempt(entry.state, mark)\n    then()',
  },
  {
    rule: 'an event is marked final before its letter is written',
    file: 'lane/entry-life.ts',
    text: 'return this.#mark(entry, mark, () => this.#awaitBarrier(entry))',
    becomes:
      'this.#turns.ended(entry)\n        entry.state = afterAttempt(entry.state, mark)\n        return this.#die(entry)',
  },
  {
    rule: 'a letter waits for the barrier behind its final mark',
    file: 'lane/entry-life.ts',
    text: 'this.#p.own.barrier(() => this.#rest(entry))',
    becomes: 'this.#rest(entry)',
  },
  {
    rule: 'a replay waits for the barrier behind its park',
    file: 'lane/entry-life.ts',
    text: '        own.barrier(() => this.#rest(entry))\n',
    becomes: '        this.#rest(entry)\n',
  },
  {
    rule: 'nobody acts before the first commit is accepted',
    file: 'lane/lane.ts',
    text: '    this.#out.push(this.#own.commit(main, lane))\n  }\n',
    becomes: "    this.#out.push(this.#own.commit(main, lane))\n    this.phase = 'live'\n  }\n",
  },
  {
    rule: 'the letter of a replay is resolved before its entry is closed',
    file: 'lane/entry-life.ts',
    text: 'if (entry.round === 0) return this.#close(entry, how)',
    becomes: 'return this.#close(entry, how)',
  },
  {
    rule: 'a held event stays open and heads its key',
    file: 'lane/entry-life.ts',
    text: "if (this.#p.settings.whenDead === 'continue') return",
    becomes: 'return',
  },
  {
    rule: 'the inbox is asked before an event is given up without a run',
    file: 'lane/entry-life.ts',
    text: '} else if (applied) {',
    becomes: '} else if (applied === null) {',
  },
  {
    rule: 'an entry is copied only while it rests',
    file: 'lane/entry-copies.ts',
    text: ' || !rests || this.#p.asked(entry.origin)',
    becomes: ' || this.#p.asked(entry.origin)',
  },
  {
    rule: 'an entry is not copied while a request about it is under way',
    file: 'lane/entry-copies.ts',
    text: ' || !rests || this.#p.asked(entry.origin)',
    becomes: ' || !rests',
  },
  {
    rule: 'a copy takes the whole state along',
    file: 'lane/entry-copies.ts',
    text: "{ kind: 'park', ...identityOf(entry), state }",
    becomes: "{ kind: 'park', ...identityOf(entry), state: { ...state, attempts: 0, final: undefined } }",
  },
  {
    rule: 'the old place of an entry counts until its copy is durable',
    file: 'lane/entry-book.ts',
    text: 'for (const { position } of this.#copying)',
    becomes: 'for (const { position } of [] as Entry[])',
  },
  {
    rule: 'open entries hold the lane',
    file: 'lane/lane.ts',
    text: '[oldestSentAt, this.#book.lowest,',
    becomes: '[oldestSentAt,',
  },
  {
    rule: 'appends under way hold the lane',
    file: 'lane/lane.ts',
    text: '[oldestSentAt, this.#book.lowest,',
    becomes: '[this.#book.lowest,',
  },
  {
    rule: 'requests without an answer hold the lane',
    file: 'lane/lane.ts',
    text: ', this.#requests.lowest]',
    becomes: ']',
  },
  {
    rule: 'records are forgotten only below an accepted commit',
    file: 'lane/lane.ts',
    text: '    return this.#own.lane\n',
    becomes: '    return this.#laneMark\n',
  },
  {
    rule: 'a request begins by looking at what is already decided',
    file: 'lane/requests.ts',
    text: "if (action !== 'release' && letter?.request === request.id) return this.#decided(request, letter)",
    becomes: '',
  },
  {
    rule: 'a replay that is parked is not parked again',
    file: 'lane/requests.ts',
    text: "letter.status === 'replaying' && entry?.round !== letter.round",
    becomes: "letter.status === 'replaying'",
  },
  {
    rule: 'a request waits until its event is at rest',
    file: 'lane/requests.ts',
    text: ' || !this.#restful(origin)',
    becomes: '',
  },
  {
    rule: 'a letter says replaying before the event is parked again',
    file: 'lane/requests.ts',
    text: '    const change = { kind: decisions[action],',
    becomes: `    const again = { kind: 'replaying', version: letterVersion, request: request.id } as const
    const about = { generation: 0, origin: request.origin, change: again, death: undefined }
    if (action === 'replay')
      return this.#entries.parkAgain(request.origin, letter.key, letter.round + 1, () =>
        this.#p.out.letter(about, () => this.#end(request)))
    const change = { kind: decisions[action],`,
  },
  {
    rule: 'a death counts over a resolution of the same round',
    file: 'letter-state.ts',
    text: "(state.status === 'replaying' || state.status === 'resolved')",
    becomes: "state.status === 'replaying'",
  },
  {
    rule: 'what was open when its range was reprocessed is closed',
    file: 'lane/entry-life.ts',
    text: 'return generation < this.#p.generationOf(origin)',
    becomes: 'return false',
  },
  {
    rule: 'an event of a range that was parked there before is not run beside that',
    file: 'lane/topic-records.ts',
    text: 'if (this.#p.book.of(offset)?.generation === this.#p.generationOf(offset)) return this.#p.settled(offset)',
    becomes: '',
  },
  {
    rule: 'newer entries do not hold up a range that they wait for',
    file: 'lane/key-queue.ts',
    text: '(first !== undefined && first.origin < offset)',
    becomes: 'first !== undefined',
  },
  {
    rule: 'a takeover in the middle of a range voids nothing that the group is past',
    file: 'lane/lane.ts',
    text: 'this.#fold.end(committed)',
    becomes: 'this.#fold.end(main)',
  },
  {
    rule: 'and does not let its successors do so',
    file: 'lane/lane.ts',
    text: 'main: committed, released: false',
    becomes: 'main, released: false',
  },
  {
    rule: 'entries that wait for a range do not fill the lane up',
    file: 'lane/lane.ts',
    text: ' + this.#beside\n',
    becomes: '\n',
  },
  {
    rule: 'a former owner keeps its hands off letters of a newer generation',
    file: 'lane/requests.ts',
    text: 'if (request.generation > generation) return\n',
    becomes: 'if (request.generation > generation) return this.#supersede(request)\n',
  },
]

/** Runs in which a missing rule must be noticed; most are within the first hundred. */
const RUNS = 40_000

describe('a retry lane without one of its rules breaks a promise', () => {
  it.each(rules)(
    '$rule',
    async fault => {
      await withFault(fault, async load => {
        const subject = { ...(await load('letter-state.ts')), ...(await load('lane/lane.ts')) }
        const found = firstBroken(subject as unknown as Subject, 1, RUNS)
        expect(found).toBeDefined()
        observed(`seed ${found?.seed}: ${found?.what}`)
      })
    },
    600_000,
  )

  it('each takeover has an id of its own', () => {
    const reused = { tenureOf: (owner: number): string => `P${owner % 2}` }
    const found = firstBroken({ retryLane, letterAfter }, 1, RUNS, new Map(), reused)
    expect(found).toBeDefined()
    observed(`seed ${found?.seed}: ${found?.what}`)
  })
})

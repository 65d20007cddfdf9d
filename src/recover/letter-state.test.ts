import { describe, expect, it } from 'vitest'
import { letterAfter, type LetterChange, type LetterState } from './letter-state.ts'

const state = (...changes: readonly LetterChange[]): LetterState | undefined =>
  changes.reduce<LetterState | undefined>(letterAfter, undefined)
const died = (round: number): LetterChange => ({ kind: 'died', round })
const resolved = (round: number): LetterChange => ({ kind: 'resolved', round })
const replaying = (version: number, request: string): LetterChange => ({
  kind: 'replaying',
  version,
  request,
})
const discarded = (version: number, request: string): LetterChange => ({
  kind: 'discarded',
  version,
  request,
})

const restored = (version: number, request: string): LetterChange => ({ kind: 'restored', version, request })
const edited = (version: number): LetterChange => ({ kind: 'edited', version })

describe('a dead letter', () => {
  it('begins with a death, and nothing before one counts', () => {
    expect(state(replaying(0, 'q'), discarded(1, 'q'), resolved(0))).toBeUndefined()
    expect(state(died(0))).toEqual({ status: 'died', version: 1, round: 0, request: undefined, edits: 0 })
  })

  it('is the same letter when its death is written twice', () => {
    expect(state(died(0), died(0))).toEqual(state(died(0)))
  })

  it('is replayed once however often that is asked for one version', () => {
    expect(state(died(0), replaying(1, 'a'), replaying(1, 'b'), discarded(1, 'c'))).toEqual({
      status: 'replaying',
      version: 2,
      round: 1,
      request: 'a',
      edits: 0,
    })
  })

  it('is not decided about by who saw an older version', () => {
    const again = state(died(0), replaying(1, 'a'), died(1))
    expect(again).toMatchObject({ status: 'died', version: 3 })
    expect(state(died(0), replaying(1, 'a'), died(1), replaying(1, 'b'), discarded(2, 'c'))).toEqual(again)
  })

  it('is resolved or dies by its present round only', () => {
    const second = [died(0), replaying(1, 'a'), died(1), replaying(3, 'b')]
    expect(state(...second, resolved(1), died(1), died(0))).toEqual(state(...second))
    expect(state(...second, resolved(2))?.status).toBe('resolved')
  })

  it('is dead after all when the owner whose run counts says so, though another had resolved it', () => {
    expect(state(died(0), replaying(1, 'a'), resolved(1), died(1))?.status).toBe('died')
  })

  it('is edited once for one version, and only while it is dead', () => {
    expect(state(died(0), edited(1), edited(1))).toMatchObject({ edits: 1, version: 2, status: 'died' })
    expect(state(died(0), edited(1), edited(2))).toMatchObject({ edits: 2, version: 3 })
    const running = [died(0), replaying(1, 'a')]
    for (const before of [running, [...running, resolved(1)], [died(0), discarded(1, 'a')]])
      expect(state(...before, edited(before.length))).toEqual(state(...before))
    expect(state(...running, died(1), edited(3))).toMatchObject({ edits: 1, version: 4 })
  })

  it('is not decided about by who saw it before an edit', () => {
    expect(state(died(0), edited(1), replaying(1, 'a'), discarded(1, 'b'))).toMatchObject({
      status: 'died',
      version: 2,
    })
    expect(state(died(0), edited(1), replaying(2, 'a'))).toMatchObject({ status: 'replaying', edits: 1 })
  })

  it('is dead again when its discard is taken back, once for one version', () => {
    const back = state(died(0), discarded(1, 'a'), restored(2, 'b'))
    expect(back).toEqual({ status: 'died', version: 3, round: 0, request: 'b', edits: 0 })
    expect(state(died(0), discarded(1, 'a'), restored(2, 'b'), restored(2, 'c'))).toEqual(back)
    expect(state(died(0), restored(1, 'b'))).toEqual(state(died(0)))
  })

  it('does not change by a note', () => {
    expect(state(died(0), { kind: 'noted' })).toEqual(state(died(0)))
    expect(state({ kind: 'noted' })).toBeUndefined()
  })

  it('stays discarded', () => {
    const gone = state(died(0), discarded(1, 'a'))
    expect(state(died(0), discarded(1, 'a'), died(0), replaying(2, 'b'), resolved(0))).toEqual(gone)
  })

  it('ends as superseded when its range is reprocessed, unless it was resolved before, and nothing revives it', () => {
    const superseded: LetterChange = { kind: 'superseded' }
    for (const before of [[died(0)], [died(0), replaying(1, 'a')], [died(0), discarded(1, 'a')]] as const) {
      const ended = state(...before, superseded)
      expect(ended?.status).toBe('superseded')
      const version = ended?.version ?? 0
      const late = [
        died(1),
        resolved(1),
        replaying(version, 'b'),
        restored(version, 'b'),
        edited(version),
        superseded,
      ]
      expect(state(...before, superseded, ...late)).toEqual(ended)
    }
    expect(state(died(0), replaying(1, 'a'), resolved(1), superseded)?.status).toBe('resolved')
  })
})

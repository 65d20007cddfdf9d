import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { recordKey, topic, type AnyTopic } from './topic.ts'

const click = z.object({ tenantId: z.string(), campaignId: z.string() })

/** Declares a topic without its types, as JavaScript would. */
const loose = topic as unknown as (name: string, declaration: unknown) => AnyTopic

describe('topic', () => {
  it('has these defaults', () => {
    const { name, partitions, retainMs, retainChosen, retainBytes, keyed } = topic('clicks', {
      events: { click },
    })
    expect({ name, partitions, retainMs, retainChosen, retainBytes, keyed }).toEqual({
      name: 'clicks',
      partitions: 8,
      retainMs: 7 * 86_400_000,
      retainChosen: false,
      retainBytes: undefined,
      keyed: false,
    })
  })

  it.each([
    ['a name with a space', 'a b', { events: { click } }, 'the name must be'],
    ['a reserved name', 'hf.x', { events: { click } }, 'names that begin with hf. are reserved'],
    ['no events', 'x', { events: {} }, 'name at least one event'],
    ['an event without a validator', 'x', { events: { click: {} } }, 'event click has no validator'],
    [
      'a version of 0',
      'x',
      { events: { click: { schema: click, version: 0 } } },
      'version must be a whole number from 1, got 0',
    ],
    [
      'pii without retain',
      'x',
      { events: { click: { schema: click, pii: ['email'] } } },
      "must name how long it is kept: retain: '30d'",
    ],
    [
      'an upcast that leaves a version out',
      'x',
      { events: { click: { schema: click, version: 3, upcast: { 1: (x: unknown) => x } } } },
      'upcast from version 2 is missing',
    ],
    [
      'an upcast from the current version',
      'x',
      { events: { click: { schema: click, upcast: { 1: (x: unknown) => x } } } },
      'upcast from version 1 leads nowhere',
    ],
    [
      'no partitions',
      'x',
      { partitions: 0, events: { click } },
      'partitions must be a whole number from 1 to 1024, got 0',
    ],
    [
      'a retention without a unit',
      'x',
      { retain: '30', events: { click } },
      'retain must be a duration such as',
    ],
    [
      'a bound of 0 bytes',
      'x',
      { retainBytes: 0, events: { click } },
      'retainBytes must be a whole number above 0, got 0',
    ],
  ])('refuses %s', (_, name, declaration, message) => {
    expect(() => loose(name, declaration)).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
    )
  })

  it('makes one key of several fields, without two of them ever meeting', () => {
    const events = topic('x', { key: ['tenantId', 'campaignId'], events: { click } })
    expect(events.keyOf({ tenantId: 'a', campaignId: 'b' })).toBe('a/b')
    expect(events.keyOf({ tenantId: 'a/b', campaignId: 'c' })).not.toBe(
      events.keyOf({ tenantId: 'a', campaignId: 'b/c' }),
    )
    expect(events.keyOf({ tenantId: '%2F', campaignId: 'c' })).not.toBe(
      events.keyOf({ tenantId: '/', campaignId: 'c' }),
    )
  })

  it('puts the key below the tenant', () => {
    const events = topic('x', { key: 'campaignId', events: { click } })
    expect(recordKey(events, { campaignId: 'c' }, 't1')).toBe('t1/c')
    expect(recordKey(events, { campaignId: 'c' }, undefined)).toBe('c')
    expect(recordKey(topic('y', { events: { click } }), {}, 't1')).toBeUndefined()
  })

  it.each([
    ['a missing field', {}],
    ['an empty one', { campaignId: '' }],
    ['null', { campaignId: null }],
    ['an object', { campaignId: {} }],
    ['a number that is none', { campaignId: Number.NaN }],
    ['an inherited one', Object.create({ campaignId: 'c' })],
    ['no object at all', 'text'],
  ])('refuses a key from %s instead of putting the event anywhere', (_, data) => {
    const events = topic('x', { key: 'campaignId', events: { click } })
    expect(() => events.keyOf(data)).toThrowError(expect.objectContaining({ code: 'KEY_INVALID' }))
  })

  it('names a key function that throws', () => {
    const events = topic('x', { key: e => e.campaignId.trim(), events: { click } })
    expect(() => events.keyOf({})).toThrowError(expect.objectContaining({ code: 'KEY_INVALID' }))
  })

  it('checks with pointers, reads old versions through every upcast, and knows what it does not know', () => {
    const events = topic('x', {
      events: {
        click: {
          version: 3,
          schema: z.object({ a: z.object({ 'b/c': z.number() }), steps: z.array(z.number()) }),
          upcast: { 1: old => ({ ...old, steps: [1] }), 2: old => ({ ...old, steps: [...old.steps, 2] }) },
        },
      },
    })
    const type = events.types.get('click')
    expect(type?.check({ a: { 'b/c': 'x' }, steps: [] })).toMatchObject({
      kind: 'invalid',
      issues: [{ pointer: '/a/b~1c' }],
    })
    expect(type?.read(1, { a: { 'b/c': 1 } })).toEqual({
      kind: 'valid',
      data: { a: { 'b/c': 1 }, steps: [1, 2] },
    })
    expect(type?.read(2, { a: { 'b/c': 1 }, steps: [] })).toEqual({
      kind: 'valid',
      data: { a: { 'b/c': 1 }, steps: [2] },
    })
    expect(type?.read(4, {})).toEqual({ kind: 'unknown-version' })
  })

  it('refuses an asynchronous validator when it is first used', () => {
    const events = topic('x', { events: { click: z.object({}).refine(async () => true) } })
    const lookup = topic('y', {
      events: {
        click: {
          '~standard': { version: 1, vendor: 'test', validate: async (value: unknown) => ({ value }) },
        },
      },
    })
    expect(events.name).toBe('x')
    expect(() => lookup.types.get('click')?.check({})).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  })
})

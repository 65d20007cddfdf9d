import { describe, expect, it } from 'vitest'
import * as v from 'valibot'
import { z } from 'zod'
import { breaks } from './compatible.ts'
import { jsonSchemaOf } from './json-schema.ts'

type Shape = Parameters<typeof z.object>[0]

function found(written: z.ZodType, read: z.ZodType): string[] {
  const [before, now] = [jsonSchemaOf(written), jsonSchemaOf(read)]
  if (before === undefined || now === undefined) throw new Error('zod gives JSON Schema')
  return breaks(before, now).map(({ field, problem }) => `${field} ${problem}`)
}

const base = { id: z.string(), cents: z.number(), note: z.string().optional() } satisfies Shape
const order = z.object(base)

describe('a schema that changed', () => {
  it('breaks nothing when it is the same, whatever the order of its fields', () => {
    expect(found(order, order)).toEqual([])
    expect(found(order, z.object({ note: base.note, cents: base.cents, id: base.id }))).toEqual([])
  })

  it.each([
    ['an optional field more', z.object({ ...base, extra: z.string().optional() })],
    ['a field with a default more', z.object({ ...base, extra: z.string().default('x') })],
    ['a wider type', z.object({ ...base, cents: z.union([z.number(), z.string()]) })],
    ['a field that may be missing now', z.object({ ...base, cents: z.number().optional() })],
    ['a field that may be null now', z.object({ ...base, cents: z.number().nullable() })],
    ['a field of any type', z.object({ ...base, cents: z.unknown() })],
  ])('breaks nothing by %s', (_, read) => {
    expect(found(order, read)).toEqual([])
  })

  it.each([
    ['a field removed', z.object({ id: base.id, note: base.note }), '/cents was removed'],
    ['an optional field removed', z.object({ id: base.id, cents: base.cents }), '/note was removed'],
    ['a field required', z.object({ ...base, note: z.string() }), '/note is required now and was optional'],
    [
      'a new required field',
      z.object({ ...base, shop: z.string() }),
      '/shop is required now and was not there',
    ],
    ['a type changed', z.object({ ...base, cents: z.string() }), '/cents was number and is string'],
    ['a number made whole', z.object({ ...base, cents: z.int() }), '/cents was number and is integer'],
    [
      'a narrower bound',
      z.object({ ...base, id: z.string().max(5) }),
      '/id takes less than before: maxLength is 5',
    ],
    ['a choice instead of any text', z.object({ ...base, id: z.enum(['a']) }), '/id takes only "a" now'],
    [
      'a pattern',
      z.object({ ...base, id: z.string().regex(/^x/) }),
      '/id takes less than before: pattern is "^x"',
    ],
  ])('breaks by %s', (_, read, problem) => {
    expect(found(order, read)).toEqual([problem])
  })

  it('looks into objects, lists, records and alternatives', () => {
    const nest = (inner: z.ZodType): z.ZodType =>
      z.object({ one: z.object({ deep: inner }), many: z.array(inner), by: z.record(z.string(), inner) })
    expect(found(nest(z.string()), nest(z.number()))).toEqual([
      '/one/deep was string and is number',
      '/many/* was string and is number',
      '/by/* was string and is number',
    ])
    const either = z.union([
      z.object({ kind: z.literal('a'), n: z.number() }),
      z.object({ kind: z.literal('b') }),
    ])
    expect(found(either, either)).toEqual([])
    expect(found(either, z.object({ kind: z.literal('b') }))).toEqual([
      '/kind does not take "a" any more',
      '/n was removed',
    ])
  })

  it('follows a schema that refers to itself, and comes to an end', () => {
    const tree = (leaf: z.ZodType): z.ZodType => {
      const node: z.ZodType = z.object({ leaf, children: z.array(z.lazy(() => node)) })
      return node
    }
    expect(found(tree(z.string()), tree(z.string()))).toEqual([])
    expect(found(tree(z.string()), tree(z.number()))).toContain('/leaf was string and is number')
  })

  it('is unknown for a validator that gives no JSON Schema', () => {
    expect(jsonSchemaOf(v.object({ id: v.string() }))).toBeUndefined()
    expect(jsonSchemaOf(z.object({ at: z.date() }))).toBeUndefined()
  })
})

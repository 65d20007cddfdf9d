import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { layers } from './layers.ts'

const src = import.meta.dirname

interface Import {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** The room of a file: its folder under src, two levels deep for drivers. Undefined for files in src itself. */
function roomOf(file: string): string | undefined {
  const parts = relative(src, file).split('/')
  if (parts.length === 1) return undefined
  return parts[0] === 'drivers' ? parts.slice(0, 2).join('/') : parts[0]
}

function importsOf(file: string): Import[] {
  const from = roomOf(file)
  if (from === undefined) return []
  const text = readFileSync(file, 'utf8')
  const specifiers = [...text.matchAll(/(?:from|import\()\s*'(\.{1,2}\/[^']+)'/g)].map(
    match => match[1] ?? '',
  )
  return specifiers.flatMap(specifier => {
    const to = roomOf(resolve(dirname(file), specifier))
    return to === undefined || to === from ? [] : [{ file: relative(src, file), from, to }]
  })
}

/** Tests may reach for a driver or a suite of another room; the product may not. */
const isProduct = (file: string): boolean => file.endsWith('.ts') && !file.endsWith('.test.ts')

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(isProduct)
const imports = files.flatMap(file => importsOf(join(src, file)))

describe('layers', () => {
  it('sees the imports between rooms', () => {
    expect(imports.length).toBeGreaterThan(2)
    expect(imports.some(i => i.from === 'log' && i.to === 'event')).toBe(true)
  })

  it('names every room', () => {
    const rooms = new Set(files.map(file => roomOf(join(src, file))).filter(room => room !== undefined))
    expect([...rooms].filter(room => !(room in layers))).toEqual([])
  })

  it('imports only along the arrows', () => {
    const forbidden = imports.filter(({ from, to }) => {
      const allowed = layers[from] ?? []
      return !allowed.includes('*') && !allowed.includes(to)
    })
    expect(forbidden).toEqual([])
  })
})

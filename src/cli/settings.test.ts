import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { settings, settingsNow, wrongSettings } from './settings.ts'

it('says where each setting comes from, and of secrets only that they are set', () => {
  const now = settingsNow({
    HOLDFAST_PORT: '4301',
    DATABASE_URL: 'postgres://a:secret@h/x',
    HOLDFAST_DATA: '',
  })
  expect(now.find(({ name }) => name === 'HOLDFAST_PORT')).toMatchObject({
    value: '4301',
    origin: 'environment',
  })
  expect(now.find(({ name }) => name === 'HOLDFAST_DATA')).toMatchObject({
    value: '.holdfast',
    origin: 'default',
  })
  expect(now.find(({ name }) => name === 'DATABASE_URL')?.value).toBe('(set)')
})

it('finds a name that is not known, and a value that cannot work, without printing a secret', () => {
  const wrong = wrongSettings({
    HOLDFAST_PROT: '1',
    HOLDFAST_PORT: '70000',
    HOLDFAST_ADMIN_TOKENS: 'ada:boss:my-secret-token-1',
    HOLDFAST_URL: 'http://127.0.0.1:4310',
  })
  expect(wrong).toHaveLength(3)
  expect(wrong.join('\n')).toContain('HOLDFAST_PROT is not known')
  expect(wrong.join('\n')).toContain(
    'HOLDFAST_PORT must be a whole number from 0 (any free port) to 65535, got 70000',
  )
  expect(wrong.join('\n')).not.toContain('my-secret-token-1')
})

it('knows every variable that the sources of the package read', () => {
  const root = join(import.meta.dirname, '..')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    file => file.endsWith('.ts') && !file.endsWith('.test.ts'),
  )
  const read = files.flatMap(
    file => readFileSync(join(root, file), 'utf8').match(/env(\[|, )'(HOLDFAST_\w+)'/g) ?? [],
  )
  const names = new Set(read.map(text => /HOLDFAST_\w+/.exec(text)?.[0] ?? ''))
  expect(names.size).toBeGreaterThan(3)
  expect([...names].filter(name => !settings.some(setting => setting.name === name))).toEqual([])
})

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { embedded } from '../../drivers/embedded/index.ts'
import { topic } from '../../schema/index.ts'
import { app } from '../../server/app.ts'
import type { Declared } from '../../server/declared.ts'
import { newestDrill, snapshotsIn } from './launch-facts.ts'
import { launchItems, type LaunchFacts } from './launch.ts'

const orders = topic('orders', { key: 'n', retain: '7d', events: { placed: z.object({ n: z.string() }) } })
const clicks = topic('clicks', { retain: '2d', events: { placed: z.object({ n: z.string() }) } })

const fine: LaunchFacts = {
  file: 'app.ts',
  machine: [{ check: 'node', status: 'ok', found: '24' }],
  snapshots: new Set(['orders', 'clicks']),
  drill: { id: 'run', passed: 3, checks: 3 },
}

function shop(topicOf: typeof orders | typeof clicks, policy: object, key = 'k7Qm2x9TzB41pLwE'): Declared {
  const a = app({ name: 'shop', log: embedded('/nowhere') })
  a.consumer('billing', topicOf as typeof orders, { from: 'earliest', ...policy }).on('placed', () => {})
  a.collector({ port: 0, topics: [topicOf], keys: { [key]: { tenant: 'one' } } })
  return a.declared
}

const needs = { needs: { mail: () => Promise.resolve() } }
const good = shop(orders, needs)

const status = (declared: Declared, check: string, facts: Partial<LaunchFacts> = {}): string | undefined =>
  launchItems(declared, { ...fine, ...facts }).find(item => item.check === check)?.status

describe('doctor --launch', () => {
  it('has the ten items of docs/adopt.md, in its order', () => {
    const page = readFileSync(new URL('../../../docs/adopt.md', import.meta.url), 'utf8')
    const listed = [...page.matchAll(/^\d+\. \*\*([^*]+)\*\*/gm)].map(([, name = '']) => name.toLowerCase())
    expect(launchItems(good, fine).map(({ check }) => check)).toEqual(listed)
    expect(listed).toHaveLength(10)
  })

  it('finds nothing to mend in an app that has none of it, and still asks', () => {
    const items = launchItems(good, fine)
    expect(items.filter(item => item.status === 'warn' || item.status === 'fail')).toEqual([])
    expect(items.filter(item => item.status === 'ask').map(({ check }) => check)).toEqual([
      'effects once',
      'drill',
      'alarms',
      'way back',
    ])
  })

  it('everything to mend comes with what to do', () => {
    const items = launchItems(shop(clicks, { retry: [] }, 'pk_demo'), {
      ...fine,
      snapshots: new Set(),
      drill: undefined,
    })
    const bad = items.filter(item => item.status === 'warn' || item.status === 'fail')
    expect(bad.map(({ check }) => check)).toEqual([
      'order',
      'retention',
      'failure',
      'schemas',
      'senders',
      'drill',
    ])
    expect(bad.filter(item => item.advice === undefined)).toEqual([])
  })

  it.each([
    ['failure', shop(orders, { ...needs, retry: [] }), {}, 'warn'],
    ['failure', shop(orders, {}), {}, 'warn'],
    ['retention', shop(clicks, needs), {}, 'warn'],
    ['order', shop(clicks, needs), {}, 'warn'],
    ['senders', shop(orders, needs, 'short'), {}, 'fail'],
    ['senders', shop(orders, needs, 'pk_demo_but_long_enough'), {}, 'fail'],
    ['machine', good, { machine: [{ check: 'x', status: 'warn', found: '' } as const] }, 'warn'],
    ['machine', good, { machine: [{ check: 'x', status: 'fail', found: '' } as const] }, 'fail'],
    ['schemas', good, { snapshots: new Set<string>() }, 'warn'],
    ['drill', good, { drill: { id: 'run', passed: 2, checks: 3 } }, 'warn'],
  ])('%s', (check, declared, facts, wanted) => {
    expect(status(good, check)).not.toBe(wanted)
    expect(status(declared, check, facts)).toBe(wanted)
  })

  it('prints no key of a sender', () => {
    expect(JSON.stringify(launchItems(shop(orders, needs, 'pk_demo'), fine))).not.toContain('pk_demo')
  })
})

describe('what a launch is judged by', () => {
  function folder(files: Readonly<Record<string, string>>): string {
    const made = mkdtempSync(path.join(tmpdir(), 'holdfast-launch-'))
    onTestFinished(() => rmSync(made, { recursive: true, force: true }))
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(made, name)), { recursive: true })
      writeFileSync(path.join(made, name), text)
    }
    return made
  }

  const run = (id: string, partial: boolean): string =>
    JSON.stringify({
      kind: 'holdfast-experiment',
      id,
      partial,
      checks: [{ passed: true }, { passed: false }],
    })

  it('the newest experiment counts, unless it was interrupted or is none', () => {
    const runs = folder({
      '2026-01-01/result.json': run('old', false),
      '2026-01-02/result.json': run('new', false),
      '2026-01-03/result.json': run('interrupted', true),
      '2026-01-04/result.json': 'not json',
      '2026-01-05/other.json': '{}',
    })
    expect(newestDrill(runs)).toEqual({ id: 'new', checks: 2, passed: 1 })
    expect(newestDrill(path.join(runs, 'nowhere'))).toBeUndefined()
  })

  it('a snapshot is a file named after its topic', () => {
    expect(snapshotsIn(folder({ 'orders.json': '{}', 'notes.txt': '' }))).toEqual(new Set(['orders']))
    expect(snapshotsIn('/nowhere')).toEqual(new Set())
  })
})

import { describe, expect, it } from 'vitest'
import { silentLogger, type Clock } from '../event/index.ts'
import { resolveBreakerOptions } from './breaker.ts'
import { dependency, type Dependency, type Pass } from './dependency.ts'

/** A clock that stands still until it is moved, and then calls what is due in order. */
function handClock(): Clock & { advance(ms: number): Promise<void> } {
  let now = 0
  const timers = new Set<{ at: number; fn: () => void }>()
  return {
    now: () => now,
    monotonic: () => now,
    after(ms, fn) {
      const timer = { at: now + ms, fn }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    async advance(ms) {
      const end = now + ms
      for (;;) {
        const [due] = [...timers].filter(timer => timer.at <= end).toSorted((a, b) => a.at - b.at)
        if (!due) break
        now = Math.max(now, due.at)
        timers.delete(due)
        due.fn()
        await settle()
      }
      now = end
      await settle()
    },
  }
}

/** Lets promises that are already decided run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

function rig() {
  const clock = handClock()
  const probes: number[] = []
  const changes: string[] = []
  const state = { works: true }
  const one = dependency({
    name: 'db',
    probe: () => {
      probes.push(clock.monotonic())
      return state.works ? Promise.resolve() : Promise.reject(new Error('refused'))
    },
    breaker: resolveBreakerOptions({}, 'db'),
    probeTimeoutMs: 5_000,
    clock,
    random: () => 0.999,
    logger: silentLogger,
    observer: { changed: ({ from, to }) => changes.push(`${from}→${to}`) },
  })
  return { clock, one, probes, changes, state }
}

const never = new AbortController().signal

async function fail(one: Dependency, times: number): Promise<void> {
  for (let i = 0; i < times; i++) (await one.enter(never))?.done('outage', 'refused')
}

describe('dependency', () => {
  it('hazard 53: holds calls while it is away instead of failing them, and lets them go after the probe', async () => {
    const r = rig()
    r.state.works = false
    await fail(r.one, 5)
    let admitted: Pass | undefined
    void r.one.enter(never).then(pass => (admitted = pass))
    await r.clock.advance(120_000)
    expect(admitted).toBeUndefined()
    expect(r.one.status()).toMatchObject({ state: 'OPEN', waiting: 1 })
    r.state.works = true
    await r.clock.advance(15_000)
    expect(admitted).toBeDefined()
    expect(r.changes[0]).toBe('undefined→CLOSED')
    expect(r.changes[1]).toBe('CLOSED→OPEN')
    expect(r.changes.at(-1)).toBe('HALF_OPEN→CLOSED')
  })

  it('hazard 51: asks one probe at a time, at most once a second, however many wait', async () => {
    const r = rig()
    r.state.works = false
    await fail(r.one, 5)
    for (let i = 0; i < 256; i++) void r.one.enter(never)
    await r.clock.advance(60_000)
    expect(r.probes.length).toBeGreaterThan(3)
    for (let i = 1; i < r.probes.length; i++)
      expect((r.probes[i] ?? 0) - (r.probes[i - 1] ?? 0)).toBeGreaterThanOrEqual(1_000)
  })

  it('lets others in while one of those admitted after an outage hangs, and while those from before it do', async () => {
    const { clock, one } = rig()
    const fromBefore = [await one.enter(never), await one.enter(never), await one.enter(never)]
    await fail(one, 5)
    await clock.advance(1_000)
    expect(one.status().state).toBe('CLOSED')
    const entered: Pass[] = []
    for (let i = 0; i < 3; i++) void one.enter(never).then(pass => pass && entered.push(pass))
    await settle()
    // Those from before the outage hang, and hold no place any more.
    expect(entered.length).toBe(1)
    await clock.advance(999)
    expect(entered.length).toBe(1)
    await clock.advance(1)
    expect(entered.length).toBe(2)
    await clock.advance(1_000)
    expect(entered.length).toBe(3)
    // Late words of those that hung take nobody's place back.
    for (const pass of [...fromBefore, ...entered.slice(0, 2)]) pass?.done('neither')
    const next = one.enter(never).then(() => 'in')
    expect(await Promise.race([next, settle().then(() => 'waits')])).toBe('waits')
    entered[2]?.done('neither')
    expect(await next).toBe('in')
  })

  it('ramps up what waited: 1 at once, then 2, then 4', async () => {
    const r = rig()
    await fail(r.one, 5)
    const running: Pass[] = []
    for (let i = 0; i < 100; i++) void r.one.enter(never).then(pass => pass && running.push(pass))
    await r.clock.advance(1_000)
    expect(running.length).toBe(1)
    const widths: number[] = []
    while (running.length > 0 && widths.length < 4) {
      widths.push(running.length)
      for (const pass of running.splice(0)) pass.done('success')
      await settle()
    }
    expect(widths).toEqual([1, 2, 4, 8])
  })

  it('ignores what calls say that began before it opened', async () => {
    const r = rig()
    const old = await r.one.enter(never)
    await fail(r.one, 5)
    await r.clock.advance(1_000)
    expect(r.one.status().state).toBe('CLOSED')
    old?.done('outage', 'late') // one outage would open a ramping breaker
    expect(r.one.status().state).toBe('CLOSED')
  })

  it('a wait ends at the abort and at close, with nothing', async () => {
    const r = rig()
    r.state.works = false
    await fail(r.one, 5)
    const abort = new AbortController()
    const aborted = r.one.enter(abort.signal)
    const closed = r.one.enter(never)
    abort.abort()
    expect(await aborted).toBeUndefined()
    r.one.close()
    expect(await closed).toBeUndefined()
  })

  it('a probe without an answer has failed after its time', async () => {
    const clock = handClock()
    const one = dependency({
      name: 'slow',
      probe: () => new Promise(() => {}),
      breaker: resolveBreakerOptions({}, 'slow'),
      probeTimeoutMs: 5_000,
      clock,
      random: () => 0,
      logger: silentLogger,
      observer: {},
    })
    const trouble = one.trouble()
    await clock.advance(5_000)
    expect(await trouble).toBe('the probe failed: no answer within 5000 ms')
  })
})

describe('a breaker that an operator moves', () => {
  it('holds everything back until the time is up, without asking, and then probes', async () => {
    const { clock, one, probes, changes } = rig()
    one.forceOpen(600_000, 'opened by ada')
    expect(one.status()).toMatchObject({ state: 'OPEN', reason: 'opened by ada' })
    expect(one.tryEnter()).toBeUndefined()
    await clock.advance(599_000)
    expect(probes).toEqual([])
    await clock.advance(1_000)
    expect(probes).toEqual([600_000])
    expect(changes.at(-1)).toBe('HALF_OPEN→CLOSED')
  })

  it('takes a new time for one that was opened before, by itself or by somebody', async () => {
    const { clock, one, probes, changes } = rig()
    one.forceOpen(10_000, 'first')
    one.forceOpen(60_000, 'second')
    await clock.advance(59_000)
    expect(probes).toEqual([])
    await clock.advance(1_000)
    expect(probes).toEqual([60_000])
    expect(changes.filter(change => change.endsWith('→OPEN'))).toEqual(['CLOSED→OPEN'])
  })

  it('lets calls through when told so, a few at first, and opens again when they fail', async () => {
    const { one, state } = rig()
    state.works = false
    one.forceOpen(600_000, 'opened by ada')
    one.forceClosed('closed by ada')
    const pass = one.tryEnter()
    expect(one.status()).toMatchObject({ state: 'CLOSED', reason: 'closed by ada' })
    expect(one.tryEnter()).toBeUndefined()
    pass?.done('outage', 'refused')
    expect(one.status().state).toBe('OPEN')
  })

  it('does not take the answer to an earlier question for one to its own', async () => {
    const clock = handClock()
    const answers: PromiseWithResolvers<void>[] = []
    const one = dependency({
      name: 'db',
      probe: () => {
        const answer = Promise.withResolvers<void>()
        answers.push(answer)
        return answer.promise
      },
      breaker: resolveBreakerOptions({}, 'db'),
      probeTimeoutMs: 5_000,
      clock,
      random: () => 0.999,
      logger: silentLogger,
      observer: {},
    })
    one.forceOpen(1_000, 'first')
    await clock.advance(1_000)
    one.forceOpen(1_000, 'second')
    await clock.advance(1_000)
    expect(answers).toHaveLength(2)
    answers[0]?.resolve()
    await settle()
    expect(one.status().state).toBe('HALF_OPEN')
    answers[1]?.resolve()
    await settle()
    expect(one.status().state).toBe('CLOSED')
  })
})

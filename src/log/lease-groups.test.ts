import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../drivers/memory/store.ts'
import {
  HoldfastError,
  isHoldfastError,
  offset,
  partitionId,
  seededRandom,
  type Logger,
} from '../event/index.ts'
import { virtualClock, type ClockView } from '../testing/virtual-clock.ts'
import type { GroupStore } from './group-store.ts'
import { leaseGroups, type LeaseGroups } from './lease-groups.ts'
import { resolveLeaseOptions } from './lease-options.ts'
import type { Member, Membership, OwnedPartition } from './port.ts'

const BEAT = 3_000
const SESSION = 30_000

/** Processes that share one store and one machine's clock. */
class Machine {
  readonly clock = virtualClock()
  readonly store = new MemoryStore()
  readonly dead = new Set<number>()
  readonly log: string[] = []
  partitions = 4
  transactions = 0
  failing: Error | undefined
  #pid = 0

  start({ watch = true }: { readonly watch?: boolean } = {}): Process {
    const pid = ++this.#pid
    const clock = this.clock.view()
    const shared = this.store.groupStore()
    const store: GroupStore = {
      transact: async fn => {
        this.transactions++
        if (this.failing) throw this.failing
        return shared.transact(fn)
      },
      read: fn => shared.read(fn),
      ...(watch && shared.watch ? { watch: fn => shared.watch?.(fn) ?? (() => {}) } : {}),
    }
    const lines: string[] = []
    const line = (_: unknown, message: string): void => void lines.push(message)
    const logger: Logger = { debug: line, info: line, warn: line, error: line }
    const groups = leaseGroups({
      store,
      topics: { partitions: topic => (topic === 't' ? this.partitions : undefined), end: () => offset(100) },
      clock,
      random: seededRandom(pid),
      logger,
      probe: {
        self: { pid, bootId: 'boot', startedAt: '1' },
        alive: other => !this.dead.has(other.pid),
      },
    })
    return { pid, clock, groups, lines }
  }
}

interface Process {
  readonly pid: number
  readonly clock: ClockView
  readonly groups: LeaseGroups
  readonly lines: string[]
}

class Worker implements Member {
  readonly name: string
  readonly owned = new Map<string, OwnedPartition>()
  readonly events: string[] = []
  drain: (partitions: readonly OwnedPartition[]) => Promise<void> = async () => {}
  membership: Membership | undefined
  constructor(name: string) {
    this.name = name
  }
  async join(process: Process): Promise<this> {
    this.membership = await process.groups.join('g', ['t'], this)
    return this
  }
  assigned(partitions: readonly OwnedPartition[]): void {
    for (const tp of partitions) this.owned.set(partitionId(tp), tp)
    this.events.push(`assigned ${say(partitions)}`)
  }
  async revoking(partitions: readonly OwnedPartition[]): Promise<void> {
    this.events.push(`revoking ${say(partitions)}`)
    await this.drain(partitions)
    for (const tp of partitions)
      if (this.owned.get(partitionId(tp))?.epoch === tp.epoch) this.owned.delete(partitionId(tp))
  }
  lost(partitions: readonly OwnedPartition[]): void {
    for (const tp of partitions) this.owned.delete(partitionId(tp))
    this.events.push(`lost ${say(partitions)}`)
  }
}

function say(partitions: readonly OwnedPartition[]): string {
  return partitions
    .map(({ partition, epoch }) => `${partition}e${epoch}`)
    .toSorted()
    .join(' ')
}

describe('lease groups', () => {
  it('hazard 35: a process that was stopped finds out by itself that it was replaced, and joins again', async () => {
    const machine = new Machine()
    const [one, two] = [machine.start(), machine.start()]
    const a = await new Worker('a').join(one)
    await machine.clock.advance(BEAT)
    const stale = [...a.owned.values()]
    expect(say(stale)).toBe('0e1 1e1 2e1 3e1')

    one.clock.stop()
    const b = await new Worker('b').join(two)
    await machine.clock.advance(SESSION - BEAT)
    expect(say([...b.owned.values()])).toBe('') // it may still come back
    await machine.clock.advance(2 * BEAT)
    expect(say([...b.owned.values()])).toBe('0e2 1e2 2e2 3e2')
    expect(a.events).toEqual(['assigned 0e1 1e1 2e1 3e1'])

    // Awake again, it acts before its first beat.
    const [first] = stale
    if (!first) throw new Error('a owned nothing')
    expect(await one.groups.commit('g', [{ ...first, offset: offset(9) }])).toEqual([
      { kind: 'stale', epoch: 2n, owner: 'b' },
    ])
    expect(await a.membership?.confirm(first)).toBe(false)
    expect(await one.groups.committed('g')).toEqual([])

    one.clock.resume()
    await machine.clock.advance(BEAT)
    expect(a.events[1]).toBe('lost 0e1 1e1 2e1 3e1')
    expect(a.owned.size).toBe(2)
    expect(b.owned.size).toBe(2)
    for (const { epoch } of a.owned.values()) expect(epoch).toBe(3n)
  })

  it('hazard 34: a partition that drains slowly holds back no other', async () => {
    const machine = new Machine()
    const slow = await new Worker('a').join(machine.start())
    await machine.clock.advance(0)
    const drained = Promise.withResolvers<void>()
    slow.drain = ([owned]) => (owned?.partition === 0 ? drained.promise : Promise.resolve())
    const next = await new Worker('b').join(machine.start())
    const left = slow.membership?.leave()
    await machine.clock.advance(0)
    expect(say([...next.owned.values()])).toBe('1e2 2e2 3e2')
    expect(say([...slow.owned.values()])).toBe('0e1')
    drained.resolve()
    await machine.clock.advance(0)
    expect(say([...next.owned.values()])).toBe('0e2 1e2 2e2 3e2')
    await left
  })

  it('takes over at the next beat from a process that is gone, without waiting for its session', async () => {
    const machine = new Machine()
    const [one, two] = [machine.start(), machine.start()]
    await new Worker('a').join(one)
    const b = await new Worker('b').join(two)
    await machine.clock.advance(BEAT)
    expect(b.owned.size).toBe(2)
    one.clock.stop()
    machine.dead.add(one.pid)
    await machine.clock.advance(BEAT)
    expect(b.owned.size).toBe(4)
    expect((await two.groups.describe('g')).members).toEqual(['b'])
  })

  it('leaves a group at rest alone: in ten minutes no owner changes, and each process writes only its beats', async () => {
    const machine = new Machine()
    const workers = [await new Worker('a').join(machine.start()), await new Worker('b').join(machine.start())]
    await machine.clock.advance(BEAT)
    const before = workers.map(({ events }) => events.length)
    machine.transactions = 0
    await machine.clock.advance(600_000)
    expect(workers.map(({ events }) => events.length)).toEqual(before)
    expect(machine.transactions).toBe((2 * 600_000) / BEAT)
  })

  it.each([
    { watch: true, within: 100 },
    { watch: false, within: 2 * BEAT },
  ])('hands over within $within ms when the store can be watched: $watch', async ({ watch, within }) => {
    const machine = new Machine()
    const a = await new Worker('a').join(machine.start({ watch }))
    await machine.clock.advance(BEAT + 1)
    a.drain = () => new Promise(resolve => machine.clock.after(50, resolve))
    const b = await new Worker('b').join(machine.start({ watch }))
    await machine.clock.advance(within)
    expect([a.owned.size, b.owned.size]).toEqual([2, 2])
  })

  it('hazard 36: gives a drained partition back to its owner under a new epoch when nobody else is left', async () => {
    const machine = new Machine()
    const [one, two] = [machine.start(), machine.start()]
    const a = await new Worker('a').join(one)
    await machine.clock.advance(BEAT)
    const drained = Promise.withResolvers<void>()
    a.drain = () => drained.promise
    await new Worker('b').join(two)
    await machine.clock.advance(BEAT)
    expect(a.events.slice(1)).toEqual(['revoking 2e1', 'revoking 3e1'])
    machine.dead.add(two.pid)
    two.clock.stop()
    await machine.clock.advance(BEAT)
    drained.resolve()
    await machine.clock.advance(BEAT)
    expect(a.events.slice(3)).toEqual(['assigned 2e2 3e2'])
    expect(say([...a.owned.values()])).toBe('0e1 1e1 2e2 3e2')
  })

  it('hazard 36: a drain that ends too late does not give back what the member owns under a newer epoch', async () => {
    const machine = new Machine()
    const [one, two] = [machine.start(), machine.start()]
    const a = await new Worker('a').join(one)
    await machine.clock.advance(BEAT)
    const drained = Promise.withResolvers<void>()
    a.drain = () => drained.promise
    await new Worker('b').join(two)
    await machine.clock.advance(BEAT)
    two.clock.stop()
    machine.dead.add(two.pid)
    await machine.clock.advance(40_000) // the time to drain is up: its own again, newer
    expect(a.events.slice(3)).toEqual(['lost 2e1 3e1', 'assigned 2e2 3e2'])
    drained.resolve()
    await machine.clock.advance(2 * BEAT)
    expect(a.events).toHaveLength(5)
    expect(await one.groups.describe('g')).toMatchObject({
      partitions: [{ epoch: 1n }, { epoch: 1n }, { epoch: 2n, owner: 'a' }, { epoch: 2n, owner: 'a' }],
    })
  })

  it('hands over although the drain failed, and says so', async () => {
    const machine = new Machine()
    const one = machine.start()
    const a = await new Worker('a').join(one)
    await machine.clock.advance(BEAT)
    a.drain = () => Promise.reject(new Error('planted'))
    const b = await new Worker('b').join(machine.start())
    await machine.clock.advance(BEAT)
    expect(b.owned.size).toBe(2)
    expect(one.lines).toEqual(['group member failed to drain', 'group member failed to drain'])
  })

  it('says once that beats fail and once that they go on, and loses nothing that nobody took', async () => {
    const machine = new Machine()
    const one = machine.start()
    const a = await new Worker('a').join(one)
    await machine.clock.advance(BEAT)
    machine.failing = new HoldfastError('LOG_FULL', { detail: 'planted' })
    machine.transactions = 0
    await machine.clock.advance(5 * BEAT)
    expect(machine.transactions).toBe(5)
    machine.failing = undefined
    await machine.clock.advance(BEAT)
    expect(one.lines).toEqual(['group leases cannot be renewed', 'group leases are renewed again'])
    expect(a.events).toEqual(['assigned 0e1 1e1 2e1 3e1'])
  })

  it('ends a leave that cannot be written: the member is told that its partitions are lost', async () => {
    const machine = new Machine()
    const one = machine.start()
    const a = await new Worker('a').join(one)
    await machine.clock.advance(BEAT)
    machine.failing = new HoldfastError('LOG_FAILED', { detail: 'planted' })
    const closing = one.groups.close()
    await machine.clock.advance(BEAT)
    await closing
    expect(a.events.at(-1)).toBe('lost 0e1 1e1 2e1 3e1')
  })

  it('takes members of a machine that was started again for dead', async () => {
    const machine = new Machine()
    await machine.clock.advance(1_000_000)
    await new Worker('before').join(machine.start())
    const after = virtualClock().view() // counts from its own start
    const groups = leaseGroups({
      store: machine.store.groupStore(),
      topics: { partitions: () => 4, end: () => offset(0) },
      clock: after,
      random: seededRandom(9),
      logger: machineLogger,
      probe: { self: { pid: 9, bootId: '', startedAt: '' }, alive: () => undefined },
    })
    expect((await groups.describe('g')).members).toEqual([])
    await groups.delete('g')
  })

  it('moves a group whose process is gone at once, and takes no commit of it afterwards', async () => {
    const machine = new Machine()
    const [one, two] = [machine.start(), machine.start()]
    const a = await new Worker('a').join(one)
    await machine.clock.advance(BEAT)
    const [owned] = a.owned.values()
    if (!owned) throw new Error('a owns nothing')
    const position = { topic: 't', partition: owned.partition, offset: offset(7) }
    await expect(two.groups.move('g', [position])).rejects.toThrow('owned by a')
    machine.dead.add(one.pid)
    await two.groups.move('g', [position])
    expect(await one.groups.commit('g', [{ ...owned, offset: offset(9) }])).toMatchObject([{ kind: 'stale' }])
    expect(await two.groups.committed('g')).toMatchObject([{ offset: 7n }])
  })

  it('hazard 23: reports a position above the end of the log, and does not read on from it', async () => {
    const machine = new Machine()
    const one = machine.start()
    await machine.store.groupStore().transact(tx => tx.put('c/g/t/0', JSON.stringify({ offset: '101' })))
    const refusal: unknown = await one.groups.committed('g').catch((error: unknown) => error)
    expect(isHoldfastError(refusal, 'LOG_CORRUPT') && refusal.facts).toMatchObject({
      committed: 101n,
      end: 100n,
    })
  })

  it.each([
    [{}, 'beatMs', { beatMs: 3_000, sessionMs: 30_000, revokeTimeoutMs: 30_000 }],
    [{ beatMs: 0 }, 'beatMs must be above 0', undefined],
    [{ sessionMs: Number.NaN }, 'sessionMs must be above 0', undefined],
    [{ sessionMs: 5_999 }, 'sessionMs must be at least twice beatMs (6000), got 5999', undefined],
  ])('options %j', (given, message, resolved) => {
    let outcome: unknown
    try {
      outcome = resolveLeaseOptions(given)
    } catch (error) {
      expect(isHoldfastError(error, 'CONFIG_INVALID')).toBe(true)
      expect(String(error)).toContain(message)
    }
    expect(outcome).toEqual(resolved)
  })
})

const machineLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

describe('lease groups, whatever happens', () => {
  type Step =
    | { readonly kind: 'start' | 'kill' | 'stop' | 'resume' | 'leave'; readonly which: number }
    | { readonly kind: 'pass'; readonly ms: number }
    | { readonly kind: 'grow' }

  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom('start', 'kill', 'stop', 'resume', 'leave'),
        which: fc.nat(4),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 45_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('grow' as const) }) },
  ) as fc.Arbitrary<Step>

  it('no epoch has two owners, epochs only grow, and at rest every partition has one living owner', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(), async (steps, seed) => {
        const machine = new Machine()
        const random = seededRandom(seed)
        const everGiven = new Map<string, bigint>()
        const living: { process: Process; worker: Worker; stopped: boolean; excused: boolean }[] = []

        const start = async (): Promise<void> => {
          const process = machine.start({ watch: random() < 0.5 })
          const worker = new Worker(`w${process.pid}`)
          const hangs = random() < 0.2
          worker.drain = () =>
            hangs
              ? new Promise(() => {})
              : new Promise(resolve => process.clock.after(random() * 5_000, resolve))
          const assigned = worker.assigned.bind(worker)
          worker.assigned = partitions => {
            for (const tp of partitions) {
              const before = everGiven.get(partitionId(tp)) ?? 0n
              if (tp.epoch <= before)
                throw new Error(`${partitionId(tp)} given under ${tp.epoch} after ${before}`)
              everGiven.set(partitionId(tp), tp.epoch)
              // Only who was stopped, or hangs in its drain, is replaced while it still works.
              const other = living.find(
                m => m.worker !== worker && !m.excused && m.worker.owned.has(partitionId(tp)),
              )
              if (other)
                throw new Error(
                  `${worker.name} was given ${partitionId(tp)} while ${other.worker.name} had it`,
                )
            }
            assigned(partitions)
          }
          await worker.join(process)
          living.push({ process, worker, stopped: false, excused: hangs })
        }

        for (const step of steps) {
          if (step.kind === 'pass') await machine.clock.advance(step.ms)
          else if (step.kind === 'grow') machine.partitions = Math.min(machine.partitions + 1, 8)
          else if (step.kind === 'start') await start()
          else {
            const chosen = living[step.which % Math.max(1, living.length)]
            if (!chosen) continue
            if (step.kind === 'stop' || step.kind === 'resume') {
              chosen.stopped = step.kind === 'stop'
              chosen.excused = true
              chosen.process.clock[step.kind]()
            } else {
              living.splice(living.indexOf(chosen), 1)
              chosen.process.clock.stop()
              if (step.kind === 'kill') machine.dead.add(chosen.process.pid)
              else if (!chosen.stopped) {
                chosen.process.clock.resume()
                void chosen.process.groups.close()
              }
            }
          }
        }

        if (living.length === 0) await start()
        for (const member of living) member.process.clock.resume()
        await machine.clock.advance(200_000)
        expect(living.flatMap(({ process }) => process.lines)).toEqual([])
        const owned = living.flatMap(({ worker }) => [...worker.owned.values()])
        expect(owned.map(partitionId).toSorted()).toEqual(
          Array.from({ length: machine.partitions }, (_, p) => `t/${p}`),
        )
        const loads = living.map(({ worker }) => worker.owned.size)
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
        for (const tp of owned) expect(everGiven.get(partitionId(tp))).toBe(tp.epoch)
      }),
      { numRuns: 100 },
    )
  })
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { killChildren, startChild, type Child } from '../../../test/embedded/child.ts'

const folders: string[] = []

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-groups-'))
  folders.push(folder)
  return join(folder, 'log')
}

function startMember(
  folder: string,
  name: string,
  { beatMs, sessionMs }: { readonly beatMs: number; readonly sessionMs: number },
): Child {
  return startChild('member-child.ts', [folder, name, String(beatMs), String(sessionMs)])
}

async function saidAll(child: Child, what: string, partitions: readonly number[]): Promise<void> {
  for (const partition of partitions) await child.said(`${what} ${partition} `)
}

const ALL = [0, 1, 2, 3]

/** Per partition: no two owners committed under one epoch, and positions only grew, in the order of epochs. */
function checkCommits(children: Readonly<Record<string, Child>>): void {
  const commits = Object.entries(children).flatMap(([owner, { lines }]) =>
    lines
      .filter(line => line.startsWith('committed'))
      .map(line => line.split(' '))
      .map(([, partition, epoch = '', offset = '']) => ({
        owner,
        partition,
        epoch: BigInt(epoch),
        offset: BigInt(offset),
      })),
  )
  expect(commits.length).toBeGreaterThan(0)
  for (const partition of ALL.map(String)) {
    const ofPartition = commits.filter(commit => commit.partition === partition)
    const owners = new Map(ofPartition.map(({ epoch, owner }) => [epoch, owner]))
    expect(ofPartition.filter(({ epoch, owner }) => owners.get(epoch) !== owner)).toEqual([])
    const byEpoch = ofPartition.toSorted((a, b) => Number(a.epoch - b.epoch || a.offset - b.offset))
    const offsets = byEpoch.map(({ offset }) => offset)
    expect(offsets).toEqual(offsets.toSorted((a, b) => Number(a - b)))
  }
}

describe('groups of several processes', () => {
  afterEach(async () => {
    await killChildren()
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
  })

  it('hazard 35: an owner that was stopped is replaced; awake again it commits nothing and joins anew', async () => {
    const folder = await newFolder()
    const a = startMember(folder, 'a', { beatMs: 1_000, sessionMs: 4_000 })
    await saidAll(a, 'committed', ALL)
    a.signal('SIGUSR2')
    await a.said('stops')
    const b = startMember(folder, 'b', { beatMs: 1_000, sessionMs: 4_000 })
    await saidAll(b, 'committed', ALL)
    expect(a.lines.at(-1)).toBe('stops')
    const asleep = a.lines.length
    a.signal('SIGCONT')
    await a.said('stale', asleep)
    await a.said('lost', asleep)
    await a.said('assigned', asleep)
    await a.said('committed', asleep)

    const awake = a.lines.slice(asleep)
    const again = awake.findIndex(line => line.startsWith('assigned'))
    expect(awake.slice(0, again).filter(line => line.startsWith('committed'))).toEqual([])
    expect(awake.find(line => line.startsWith('stale'))).toMatch(/ b$/)
    expect(awake.slice(0, again).filter(line => line.startsWith('lost'))).toHaveLength(4)
    await Promise.all([a.kill(), b.kill()])
    checkCommits({ a, b })
  })

  it('takes over from a process that was killed without waiting for its session', async () => {
    const folder = await newFolder()
    const session = { beatMs: 100, sessionMs: 3_600_000 }
    const a = startMember(folder, 'a', session)
    await saidAll(a, 'committed', ALL)
    await a.kill()
    const b = startMember(folder, 'b', session)
    await saidAll(b, 'committed', ALL)
    await b.kill()
    expect(b.lines.filter(line => line.startsWith('assigned')).map(line => line.split(' ')[2])).toEqual([
      '2',
      '2',
      '2',
      '2',
    ])
    checkCommits({ a, b })
  })

  it('hands over to a process that joins without waiting for a beat', async () => {
    const folder = await newFolder()
    const slow = { beatMs: 1_800_000, sessionMs: 3_600_000 }
    const a = startMember(folder, 'a', slow)
    await saidAll(a, 'committed', ALL)
    const b = startMember(folder, 'b', slow)
    await a.said('released')
    await b.said('committed')
    await Promise.all([a.kill(), b.kill()])
    expect(a.lines.filter(line => line.startsWith('released'))).toHaveLength(2)
    expect(a.lines.filter(line => line.startsWith('lost'))).toEqual([])
    expect(b.lines.filter(line => line.startsWith('assigned'))).toHaveLength(2)
    checkCommits({ a, b })
  })
})

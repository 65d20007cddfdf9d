import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memory } from '../../drivers/memory/index.ts'
import { embedded } from '../../drivers/embedded/index.ts'
import { topic } from '../../schema/index.ts'
import { app, type App } from '../../server/app.ts'
import { virtualClock } from '../../testing/virtual-clock.ts'
import { clockFinding } from './clock.ts'
import { judgeSync, spaceFinding } from './disk.ts'
import { fileSystemFinding, mountOf } from './file-system.ts'
import { trapFindings, type LogFacts } from './traps.ts'

const mountinfo = [
  '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
  '30 22 0:41 / /mnt/team\\040share rw,relatime shared:2 master:3 - nfs4 nas:/x rw',
  '31 22 0:42 / /data rw,relatime - overlay overlay rw,lowerdir=/a',
  '32 22 254:1 / /data rw,relatime - xfs /dev/vdb rw',
  '33 22 0:44 / /home rw,relatime - 9p hostshare rw',
].join('\n')

describe('the file system of a folder', () => {
  it.each([
    ['/var/lib', 'ext4', 'ok'],
    ['/mnt/team share/log', 'nfs4', 'fail'],
    ['/data/log', 'xfs', 'ok'], // mounted over the overlay
    ['/database', 'ext4', 'ok'], // below / and not below /data
    ['/home', '9p', 'fail'],
  ])('%s is on %s, which is %s', (folder, type, status) => {
    const mount = mountOf(folder, mountinfo)
    expect(mount?.type).toBe(type)
    const finding = fileSystemFinding(folder, mount)
    expect(finding.status).toBe(status)
    expect(finding.advice !== undefined).toBe(status !== 'ok')
  })

  it.each(['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'overlay', 'fuse.sshfs', 'virtiofs'])(
    '%s is refused',
    type => {
      expect(fileSystemFinding('/x', { at: '/x', type }).status).toBe('fail')
    },
  )

  it.each(['ext4', 'xfs', 'btrfs', 'zfs', 'apfs'])('%s is not', type => {
    expect(fileSystemFinding('/x', { at: '/x', type }).status).toBe('ok')
  })
})

describe('what was measured', () => {
  it('a sync under 20 µs is not believed, and one above 20 ms is told', () => {
    expect(judgeSync(19)).toMatchObject({
      status: 'warn',
      found: 'p50 19 µs: this disk may not honour fsync',
    })
    expect(judgeSync(20)).toMatchObject({ status: 'ok' })
    expect(judgeSync(5_000)).toMatchObject({ status: 'ok', found: 'p50 5.0 ms' })
    expect(judgeSync(20_001)).toMatchObject({ status: 'warn' })
  })

  it('a disk on which appends would be refused fails, and one that is nearly full warns', () => {
    const bsize = 1024 * 1024
    expect(spaceFinding({ bavail: 71, bsize }).status).toBe('fail')
    expect(spaceFinding({ bavail: 72, bsize }).status).toBe('warn')
    expect(spaceFinding({ bavail: 1024, bsize }).status).toBe('ok')
  })

  it('a clock that jumps meanwhile is told, and one that does not is not', async () => {
    const at = Date.UTC(2027, 0, 1)
    const steady = virtualClock(at)
    expect((await clockFinding(steady, steady.advance(500))).status).toBe('ok')
    let wall = at
    const jumping = { ...stopped, now: () => wall, monotonic: () => 0 }
    const back = Promise.resolve().then(() => (wall -= 5_000))
    expect(await clockFinding(jumping, back)).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('-5000 ms') as string,
    })
    const unset = { ...stopped, now: () => 0, monotonic: () => 0 }
    expect((await clockFinding(unset, Promise.resolve())).status).toBe('fail')
  })
})

const stopped = { after: () => () => {} }

const orders = topic('orders', {
  retain: '10s',
  partitions: 4,
  events: { placed: z.object({ n: z.number() }) },
})

function shop(policy: object, log = embedded('/nowhere')): App<false> {
  const a = app({ name: 'shop', log })
  a.consumer('billing', orders, { from: 'earliest', retry: [], deadline: '1s', ...policy }).on(
    'placed',
    () => {},
  )
  return a
}

function facts(of: Partial<LogFacts>): LogFacts {
  return { topics: new Map(), groups: new Map(), ...of }
}

describe('traps of an app', () => {
  const found = (a: App<false>, log?: LogFacts): string[] =>
    trapFindings('shop', a.declared, log).map(({ status, check }) => `${status} ${check}`)

  it('are none in an app without one', () => {
    expect(found(shop({}))).toEqual(['ok app'])
    const fine = facts({
      topics: new Map([
        ['orders', { retentionMs: 10_000, partitions: 4 }],
        ['orders.billing.dead', { retentionMs: undefined, partitions: 4 }],
      ]),
      groups: new Map([['billing', { members: ['shop@host:1'], hasPosition: true }]]),
    })
    expect(found(shop({ from: 'latest' }), fine)).toEqual(['ok app'])
  })

  it('a log in memory', () => {
    expect(found(shop({}, memory()))).toEqual(['warn log'])
  })

  it('attempts that outlast the retention of their topic', () => {
    expect(found(shop({ retry: ['4s', '3s'], deadline: '1s' }))).toEqual(['fail group billing'])
    expect(found(shop({ retry: ['4s', '2s'], deadline: '1s' }))).toEqual(['ok app'])
  })

  it('letters that are deleted before their events', () => {
    const topics = new Map([['orders.billing.dead', { retentionMs: 9_999, partitions: 4 }]])
    expect(found(shop({}), facts({ topics }))).toEqual(['fail dead letters of billing'])
  })

  it('fewer partitions than the log has', () => {
    const topics = new Map([['orders', { retentionMs: undefined, partitions: 5 }]])
    expect(found(shop({}), facts({ topics }))).toEqual(['fail topic orders'])
  })

  it('a new group that skips what is there', () => {
    expect(found(shop({ from: 'latest' }))).toEqual(['warn group billing'])
  })

  it('another app under the same group name', () => {
    const groups = new Map([['billing', { members: ['shop@h:1', 'shop-2@h:2'], hasPosition: true }]])
    expect(found(shop({}), facts({ groups }))).toEqual(['fail group billing'])
  })
})

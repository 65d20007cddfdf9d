import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Ledger } from '../../../test/embedded/ledger.ts'
import { killChildren, type Child } from '../../../test/embedded/child.ts'
import { startLoad } from '../../../test/embedded/load.ts'
import { powerCutDisk, whyNoPowerCuts, type PowerCutDisk } from '../../../test/embedded/power-cut-disk.ts'
import { scale, seed } from '../../../test/harness/scale.ts'
import { seededRandom } from '../../event/index.ts'

const CUTS = scale({ short: 50, long: 1_000 })
/** Every run reads all that the ones before have left, so a log is followed through so many and then a new one is made. */
const CUTS_PER_LOG = 10

const missing = whyNoPowerCuts()

describe.skipIf(missing)(`power cuts${missing ? `, not run: needs ${missing}` : ''}`, () => {
  let disk: PowerCutDisk
  const random = seededRandom(seed)

  beforeAll(async () => {
    disk = await powerCutDisk(512)
  })
  afterEach(killChildren)
  afterAll(() => disk.dispose())

  async function cutUnder(load: Child): Promise<void> {
    await disk.cut()
    await load.kill()
    await disk.mount()
  }

  /** Runs load on one log and cuts the power, so often; each run first compares what it finds with what was promised. */
  async function cutAgainAndAgain(folder: string): Promise<{ acknowledged: number; commits: number }> {
    const ledger = new Ledger()
    const told = { acknowledged: 0, commits: 0 }
    for (let cut = 0; ; cut++) {
      const again = ledger.last(5)
      const load = startLoad(folder, { again })
      await load.said('ready')
      ledger.compare(load.lines, again)
      if (cut === CUTS_PER_LOG) {
        await load.kill()
        return told
      }
      await load.said('said')
      await pause(random() * 300)
      await cutUnder(load)
      told.acknowledged += ledger.note(load.lines, 'said')
      told.commits += ledger.note(load.lines, 'went')
    }
  }

  it(
    `hazards 1, 14, 22, 23: after each of ${CUTS} cuts under load (seed ${seed}) all that was acknowledged is there`,
    { timeout: 60_000 + CUTS * 6_000 },
    async () => {
      let acknowledged = 0
      let commits = 0
      for (let log = 0; log < CUTS / CUTS_PER_LOG; log++) {
        const folder = join(disk.path, `log-${log}`)
        const told = await cutAgainAndAgain(folder)
        acknowledged += told.acknowledged
        commits += told.commits
        await rm(folder, { recursive: true })
      }
      // So little would mean that the cuts came before the load.
      expect(acknowledged).toBeGreaterThan(CUTS * 50)
      expect(commits).toBeGreaterThan(CUTS)
    },
  )

  it('hazard 16: a log that was just made is there after a cut, and one that was half made is made again', async () => {
    for (let i = 0; i < 8; i++) {
      const folder = join(disk.path, `new-${i}`, 'log')
      const ledger = new Ledger()
      const half = startLoad(folder)
      if (i % 2 === 0) await pause(random() * 400)
      else await half.said('said')
      await cutUnder(half)
      ledger.note(half.lines, 'said')
      ledger.note(half.lines, 'went')
      if (i % 2 === 1) expect(ledger.last(1)).toHaveLength(1)
      const whole = startLoad(folder)
      await whole.said('ready')
      ledger.compare(whole.lines, [])
      await whole.kill()
    }
  })
})

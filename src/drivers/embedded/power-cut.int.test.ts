import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Ledger } from '../../../test/embedded/ledger.ts'
import { killChildren, type Child } from '../../../test/embedded/child.ts'
import { startLoad } from '../../../test/embedded/load.ts'
import { powerCutDisk, whyNoPowerCuts, type PowerCutDisk } from '../../../test/embedded/power-cut-disk.ts'
import { seededRandom } from '../../event/index.ts'

const CUTS = Number(process.env['HOLDFAST_POWER_CUTS'] ?? 50)
const SEED = Number(process.env['HOLDFAST_SEED'] ?? 1)

const missing = whyNoPowerCuts()

describe.skipIf(missing)(`power cuts${missing ? `, not run: needs ${missing}` : ''}`, () => {
  let disk: PowerCutDisk
  const random = seededRandom(SEED)

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

  it(
    `hazards 1, 14, 22, 23: after each of ${CUTS} cuts under load (seed ${SEED}) all that was acknowledged is there`,
    { timeout: 300_000 },
    async () => {
      const ledger = new Ledger()
      const folder = join(disk.path, 'log')
      let acknowledged = 0
      let commits = 0
      for (let cut = 0; cut <= CUTS; cut++) {
        const again = ledger.last(5)
        const load = startLoad(folder, { again })
        await load.said('ready')
        ledger.compare(load.lines, again)
        await load.said('said')
        await pause(random() * 300)
        await cutUnder(load)
        acknowledged += ledger.note(load.lines, 'said')
        commits += ledger.note(load.lines, 'went')
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

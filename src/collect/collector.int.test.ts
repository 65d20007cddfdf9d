import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { describeCollector } from '../../test/harness/collector-suite.ts'
import { embedded } from '../drivers/embedded/index.ts'
import { seededRandom, silentLogger } from '../event/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-collect-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let logs = 0

describeCollector(
  'embedded',
  async clock => {
    const driver = embedded(join(folder, String(logs++)))
    return (await driver.open({ clock, random: seededRandom(1), logger: silentLogger })).log
  },
  'fsync',
)

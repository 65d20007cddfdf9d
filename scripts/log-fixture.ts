// Makes test/fixtures/log-format-N: a small log of this format, for the tests of every later one. Run it once for each
// format, with the release that brings it, and never again: `node --conditions=holdfast-source scripts/log-fixture.ts`.
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { app, embedded } from '../src/index.ts'
import { compactLog } from '../src/drivers/embedded/index.ts'
import { FORMAT_VERSION } from '../src/drivers/embedded/format.ts'
import { everythingIn, orders, shop } from '../test/fixtures/shop.ts'

const target = fileURLToPath(new URL(`../test/fixtures/log-format-${FORMAT_VERSION}`, import.meta.url))
if (existsSync(target)) {
  process.stderr.write(`${target} is there already; logs of a released format do not change any more\n`)
  process.exit(1)
}

const folder = path.join(mkdtempSync(path.join(tmpdir(), 'holdfast-fixture-')), 'log')
const first = shop(folder, () => {})
await first.start()
for (const [n, note] of ['one', 'bad', 'größer als 1 €', 'x'.repeat(3_000), 'five', '🙂'].entries()) {
  await first.publish(orders, 'placed', { customer: `c${n % 4}`, note }, { id: `order-${n}` })
}
while ((await first.groups()).some(({ lag }) => lag > 0n)) await wait(20)
await first.stop()

// Nobody reads these before the tests do.
const second = app({ name: 'shop', log: embedded(folder, { minFreeBytes: 0, reserveBytes: 0 }) })
await second.start()
for (const n of [6, 7, 8]) {
  await second.publish(orders, 'placed', { customer: `c${n % 4}`, note: 'unread' }, { id: `order-${n}` })
}
const everything = await everythingIn(second.system)
await second.stop()

// Free pages hold the names of machine and process.
await compactLog(folder)
mkdirSync(target)
for (const name of ['data.mdb', 'holdfast.json']) cpSync(path.join(folder, name), path.join(target, name))
writeFileSync(path.join(target, 'expected.json'), `${JSON.stringify(everything, undefined, 2)}\n`)
rmSync(path.dirname(folder), { recursive: true })

import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { observed } from '../../test/harness/observed.ts'
import { noSmallDisk, smallDisk } from '../../test/harness/small-disk.ts'
import { rotateFile } from './rotate-file.ts'

/** A log file, and its writer as another process is one: it appends by a descriptor that it keeps. */
function logIn(folder: string): { file: string; say(text: string): void; text(suffix?: string): string } {
  const file = join(folder, 'log')
  const descriptor = openSync(file, 'a')
  onTestFinished(() => closeSync(descriptor))
  return {
    file,
    say: text => void writeSync(descriptor, text),
    text: (suffix = '') => readFileSync(file + suffix, 'utf8'),
  }
}

it('a log is moved when it is above its bound, its writer goes on in the same file, and one former is kept', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-rotate-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const log = logIn(folder)
  log.say('0123456789')
  rotateFile(log.file, 10)
  expect(readdirSync(folder)).toEqual(['log'])
  for (const text of ['first', 'second']) {
    log.say(`${text}, above ten`)
    rotateFile(log.file, 10)
    expect(log.text()).toBe('')
  }
  log.say('third')
  rotateFile(log.file, 10)
  expect(log.text()).toBe('third')
  expect(log.text('.1')).toBe('second, above ten')
  expect(readdirSync(folder).toSorted()).toEqual(['log', 'log.1'])
})

it.skipIf(noSmallDisk)(
  'on a full disk nothing of a log is cut, nothing is thrown, and room alone moves it',
  () => {
    const disk = smallDisk(4)
    const log = logIn(disk.folder)
    const text = 'a line of the log\n'.repeat(100_000)
    log.say(text)
    const bytes = disk.fill()
    rotateFile(log.file, 1_000)
    expect(log.text()).toBe(text)
    expect(existsSync(`${log.file}.1`)).toBe(false)
    disk.free()
    rotateFile(log.file, 1_000)
    expect(log.text()).toBe('')
    expect(log.text('.1')).toBe(text)
    observed(`${bytes} bytes by another until ENOSPC; ${text.length} of the log kept`)
  },
)

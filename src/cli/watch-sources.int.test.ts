import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../../test/harness/until.ts'
import { watchedFolders } from '../../test/harness/watched-folders.ts'
import { watchSources, type SourceWatch } from './watch-sources.ts'

interface Project {
  readonly folder: string
  readonly watch: SourceWatch
  readonly changed: string[]
}

function watchedProject(folders: readonly string[]): Project {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-watch-'))
  for (const name of folders) mkdirSync(path.join(folder, name), { recursive: true })
  const changed: string[] = []
  const watch = watchSources(
    folder,
    name => changed.push(name),
    () => {},
  )
  onTestFinished(() => {
    watch.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return { folder, watch, changed }
}

test('folders of sources are watched, and neither what is installed, built or hidden nor the data of the app', () => {
  const others = ['node_modules/a/lib', '.git/objects', '.holdfast', 'dist/server', 'data', 'data/deep']
  const { folder, watch } = watchedProject(['src/deep', ...others])
  expect(watchedFolders(process.pid, folder, ['data', 'data/deep'])).toEqual(['data', 'data/deep'])
  watch.ignore(path.join(folder, 'data'))
  const all = ['.', 'src', 'src/deep', ...others, 'node_modules', '.git', 'dist']
  expect(watchedFolders(process.pid, folder, all)).toEqual(['.', 'src', 'src/deep'])
})

test('a folder that is made later is watched, with what was in it already', async () => {
  const { folder, changed } = watchedProject(['src'])
  mkdirSync(path.join(folder, 'src/new/deep'), { recursive: true })
  writeFileSync(path.join(folder, 'src/new/deep/a.ts'), '')
  await until('the file in it is told', () => changed.includes('src/new/deep/a.ts'))
  writeFileSync(path.join(folder, 'src/new/b.json'), '')
  await until('a file of later is told', () => changed.includes('src/new/b.json'))
})

test('what is not a source is not told', async () => {
  const { folder, changed } = watchedProject(['src'])
  for (const name of ['src/a.md', 'src/.b.ts', 'c.log', 'd.ts']) writeFileSync(path.join(folder, name), '')
  await until('the source is told', () => changed.includes('d.ts'))
  expect(new Set(changed)).toEqual(new Set(['d.ts']))
})

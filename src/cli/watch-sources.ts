import { readdirSync, statSync, watch, type FSWatcher } from 'node:fs'
import path from 'node:path'

export interface SourceWatch {
  /** What is in this folder is no source from now on: an app's own data. */
  ignore(folder: string): void
  close(): void
}

/**
 * Calls `changed` with the name of each source below `folder` that was written, made or removed. Watches folder by
 * folder, because a recursive watch of Node on Linux asks the system for a watch on each file: at the root of a
 * project, with `node_modules` and `.git` below, that is more than it gives. What is installed, built or hidden is not
 * watched at all, and `tooMany` is told when there are more than {@link MAX_FOLDERS} others.
 */
export function watchSources(
  folder: string,
  changed: (name: string) => void,
  tooMany: (watched: number) => void,
): SourceWatch {
  const watchers = new Map<string, FSWatcher>()
  const ignored = new Set<string>()
  let full = false

  const tell = (file: string): void => changed(path.relative(folder, file))
  const unwatch = (dir: string): void => {
    for (const [watched, watcher] of watchers) {
      if (watched !== dir && !watched.startsWith(dir + path.sep)) continue
      watcher.close()
      watchers.delete(watched)
    }
  }
  const add = (dir: string, found: (file: string) => void): void => {
    if (full || watchers.has(dir) || ignored.has(dir)) return
    if (watchers.size >= MAX_FOLDERS) {
      full = true
      tooMany(watchers.size)
      return
    }
    try {
      watchers.set(dir, watchFolder(dir))
      // After the watch, so that what is made meanwhile is seen by one of the two.
      for (const entry of readdirSync(dir, { withFileTypes: true })) {
        const file = path.join(dir, entry.name)
        if (entry.isDirectory() && isSourceFolder(entry.name)) add(file, found)
        else if (!entry.isDirectory() && isSourceFile(entry.name)) found(file)
      }
    } catch {
      unwatch(dir) // it is gone again
    }
  }
  const watchFolder = (dir: string): FSWatcher =>
    watch(dir, (event, name) => {
      if (name === null) return
      const file = path.join(dir, name)
      if (isSourceFile(name)) tell(file)
      else if (event === 'rename' && isSourceFolder(name)) {
        unwatch(file) // it may be another one of the same name
        if (isFolder(file)) add(file, tell)
      }
    }).on('error', () => unwatch(dir))

  add(folder, () => {})
  return {
    ignore(dir) {
      if (!dir.startsWith(folder + path.sep)) return // else the app itself would not be watched
      ignored.add(dir)
      unwatch(dir)
    },
    close: () => unwatch(folder),
  }
}

/** Far more than the sources of one app, far below what a system gives one user. */
const MAX_FOLDERS = 2_000

function isSourceFile(name: string): boolean {
  return /\.([cm]?[jt]s|json)$/.test(name) && !name.startsWith('.')
}

function isSourceFolder(name: string): boolean {
  return !name.startsWith('.') && !NO_SOURCES.has(name)
}

const NO_SOURCES: ReadonlySet<string> = new Set(['node_modules', 'dist', 'build', 'coverage'])

function isFolder(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false
}

import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

/** Which of these folders, where they are there, the kernel watches for a process. Linux only. */
export function watchedFolders(pid: number, folder: string, names: readonly string[]): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fdinfo`).flatMap(fd => {
      try {
        const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')
        return [...info.matchAll(/^inotify .* ?ino:([0-9a-f]+)/gm)].map(match =>
          Number.parseInt(match[1] ?? '', 16),
        )
      } catch {
        return [] // closed meanwhile
      }
    }),
  )
  return names.filter(name =>
    inodes.has(statSync(path.join(folder, name), { throwIfNoEntry: false })?.ino ?? Number.NaN),
  )
}

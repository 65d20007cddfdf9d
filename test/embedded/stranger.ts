import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Puts a process of another boot among the holders of a folder. The answer lets it show that it lives. */
export function addStranger(folder: string, lastSeenMsAgo: number): () => void {
  mkdirSync(join(folder, 'holders'), { recursive: true })
  const file = join(folder, 'holders', 'stranger.json')
  const holder = {
    pid: 4711,
    bootId: 'another-boot',
    startedAt: '1',
    host: 'other-host',
    namespace: 'pid:[1]',
  }
  writeFileSync(file, JSON.stringify(holder))
  let touches = 0
  const touch = (): void => {
    const at = Date.now() / 1000 - lastSeenMsAgo / 1000 + touches++
    utimesSync(file, at, at)
  }
  touch()
  return touch
}

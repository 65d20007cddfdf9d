import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { systemProcessProbe } from './process-probe.ts'

const linux = process.platform === 'linux'

describe.runIf(linux)('system process probe', () => {
  const probe = systemProcessProbe()

  it('knows its own process', () => {
    expect(probe.self.pid).toBe(process.pid)
    expect(probe.alive(probe.self)).toBe(true)
  })

  it('tells a process that runs or is stopped from one that was killed, also before its parent has noticed', async () => {
    // The child prints its identity; the shell between never waits for it, so once killed it stays a zombie.
    const script = `
      import { systemProcessProbe } from ${JSON.stringify(import.meta.resolve('./process-probe.ts'))}
      console.log(JSON.stringify(systemProcessProbe().self)); setInterval(() => {}, 1e6)`
    const shell = spawn(
      '/bin/sh',
      ['-c', '"$0" --input-type=module -e "$1" & exec sleep 1000', process.execPath, script],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    try {
      const [printed] = (await once(shell.stdout, 'data')) as [Buffer]
      const child = JSON.parse(printed.toString()) as typeof probe.self
      expect(child.pid).not.toBe(process.pid)
      expect(probe.alive(child)).toBe(true)
      process.kill(child.pid, 'SIGSTOP')
      expect(probe.alive(child)).toBe(true)
      process.kill(child.pid, 'SIGKILL')
      await expect.poll(() => probe.alive(child), { timeout: 20_000 }).toBe(false)
      expect(() => process.kill(child.pid, 0)).not.toThrow() // the zombie is still there
    } finally {
      shell.kill('SIGKILL')
      await once(shell, 'exit')
    }
  })

  it('is not taken in by a process id that was used again, or by another boot', () => {
    expect(probe.alive({ ...probe.self, startedAt: '1' })).toBe(false)
    expect(probe.alive({ ...probe.self, bootId: 'another' })).toBe(false)
  })

  it('says nothing about a process of a system that gave no facts', () => {
    expect(probe.alive({ ...probe.self, bootId: '' })).toBeUndefined()
    expect(probe.alive({ ...probe.self, startedAt: '' })).toBeUndefined()
  })
})

import { execFile, execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * A disk whose power can be cut: ext4 in a file on a loop device. The cut (FS_IOC_SHUTDOWN without a flush of the
 * journal) loses what was written and not synced, and fails every later call with EIO. It does not lose or reorder what
 * the device itself has acknowledged.
 */
export interface PowerCutDisk {
  /** Where it is mounted. */
  readonly path: string
  /** Cuts the power. Rejects unless the kernel says that it did, and unless {@link mount} then finds that it lost something. */
  cut(): Promise<void>
  /** Mounts it again after a cut, when nobody has a file of it open any more; the journal is replayed. */
  mount(): Promise<void>
  dispose(): Promise<void>
}

/** Undefined when power can be cut here, otherwise what is missing. */
export function whyNoPowerCuts(): string | undefined {
  if (process.platform !== 'linux') return 'loop devices of Linux'
  if (process.getuid?.() !== 0) return 'root, to mount a loop device'
  for (const [command, ...args] of [
    ['mkfs.ext4', '-V'],
    ['losetup', '--find'],
    ['python3', '--version'],
  ] as const) {
    try {
      execFileSync(command, args, { stdio: 'ignore' })
    } catch {
      return command === 'losetup' ? 'a free loop device' : command
    }
  }
  return undefined
}

/** `_IOR('X', 125, u32)` with FS_SHUTDOWN_FLAGS_NOLOGFLUSH. */
const SHUTDOWN = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))`

export async function powerCutDisk(megabytes: number): Promise<PowerCutDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-power-'))
  const image = join(folder, 'image')
  const path = join(folder, 'disk')
  const control = join(path, 'never-synced')
  await mkdir(path)
  await writeFile(image, '')
  await truncate(image, megabytes * 1024 * 1024)
  await run('mkfs.ext4', ['-q', '-F', image])
  let mounted = false
  let wrote = ''

  const mount = async (): Promise<void> => {
    if (mounted) await run('umount', [path])
    await run('mount', ['-o', 'loop', image, path])
    mounted = true
    const found = await readFile(control, 'utf8').catch(() => undefined)
    if (wrote !== '' && found === wrote)
      throw new Error('the cut lost nothing: what was not synced is still there')
    wrote = ''
    await rm(control, { force: true })
  }

  await mount()
  return {
    path,
    mount,
    async cut() {
      await writeFile(control, 'x'.repeat(5_000))
      wrote = 'x'.repeat(5_000)
      await run('python3', ['-c', SHUTDOWN, path])
    },
    async dispose() {
      await run('umount', [path]).catch(() => run('umount', ['--lazy', path]))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

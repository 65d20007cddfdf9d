import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFailed, onTestFinished } from 'vitest'
import { processesOf } from '../harness/example.ts'
import { observed } from '../harness/observed.ts'
import { until } from '../harness/until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Other users, name spaces and mounts are for root on Linux. */
const notRoot = process.platform !== 'linux' || process.getuid?.() !== 0

it.skipIf(notRoot)(
  'a fresh clone, a path with a space and an umlaut, an ordinary user, an empty HOME, no network: npm start works',
  async () => {
    const uid = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }))
    const { clone, home } = freshClone(uid)
    const user = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs']
    const env = {
      PATH: process.env['PATH'],
      HOME: home,
      HOLDFAST_PORT: '0',
      HOLDFAST_ADMIN_PORT: '0',
      DATABASE_URL: '',
    }
    // What was installed comes in by a mount that nobody can write to, in a network of its own that has no way out.
    const setUp = [
      'ip link set lo up',
      'mount --bind "$MODULES" node_modules && mount -o remount,bind,ro node_modules',
      `exec setpriv ${user.join(' ')} npm start`,
    ].join(' && ')
    const child = spawn('unshare', ['--net', '--mount', 'sh', '-c', setUp], {
      cwd: clone,
      env: { ...env, MODULES: join(root, 'node_modules') },
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    const ended = new Promise<number | null>(resolve => child.once('close', resolve))
    onTestFailed(() => void process.stderr.write(said))
    onTestFinished(async () => {
      child.kill('SIGTERM')
      await ended
    })
    /** A command beside it: as the same user, in the same network. */
    const beside = (command: string): string => {
      const inside = [`--target=${child.pid}`, '--net', '--mount', '--', 'setpriv', ...user, '--']
      return execFileSync('nsenter', [...inside, 'bash', '-c', `cd "$CLONE" && ${command}`], {
        env: { ...env, CLONE: clone },
        encoding: 'utf8',
        stdio: 'pipe',
      })
    }

    await until('the banner', () => said.includes('Ctrl-C stops'), 180_000)
    const { pid } = JSON.parse(readFileSync(join(clone, '.holdfast/run.json'), 'utf8')) as { pid: number }
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(
      new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s`, 'm'),
    )
    // The network is really away: there is only the loopback, and whatever is outside cannot be reached.
    const devices = readFileSync(`/proc/${pid}/net/dev`, 'utf8').split('\n').slice(2, -1)
    expect(devices.map(line => line.split(':')[0]?.trim())).toEqual(['lo'])
    const outside = beside('curl --silent --max-time 5 http://192.0.2.1/ ; echo $?').trim()
    expect(outside).toBe('7')
    observed(`uid ${uid}, devices: lo, curl to the outside ends with ${outside} (could not connect)`)

    const [, curl = ''] = /try: {2}(curl .*)/.exec(said) ?? []
    expect(beside(curl)).toMatch(/^HTTP\/1\.1 202 Accepted/)
    await until('its row', () => /counted by segment [1-9]/.test(beside('npm run --silent rows')))
    // To npm, as a container or a supervisor sends it: nothing between it and the process may swallow it.
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(processesOf(clone)).toEqual([])
    expect(readdirSync(home).filter(name => name !== '.npm')).toEqual([])
    // Everything is in the clone's own folder, which git does not see.
    const status = ['-c', `safe.directory=${clone}`, 'status', '--porcelain']
    expect(execFileSync('git', status, { cwd: clone, encoding: 'utf8' })).toBe('')
  },
)

/** A clone of this project that belongs to an ordinary user, with an empty folder for what is installed. */
function freshClone(uid: number): { clone: string; home: string } {
  const parent = mkdtempSync(join(tmpdir(), 'holdfast clone ü '))
  onTestFinished(() => rmSync(parent, { recursive: true, force: true, maxRetries: 5 }))
  const [clone, home] = [join(parent, 'holdfast'), join(parent, 'home')]
  execFileSync('git', ['-c', `safe.directory=${root}`, 'clone', '--quiet', root, clone])
  for (const folder of [home, join(clone, 'node_modules')]) mkdirSync(folder)
  execFileSync('chown', ['-R', `${uid}:${uid}`, parent])
  return { clone, home }
}

// `npm run fresh`: a clone of this project in a path with a space and an umlaut, an empty HOME and an empty cache of npm;
// then `npm start`, one event, Ctrl-C. A minute or more, and some hundred megabytes from the registry: not in the gate.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { newcomer } from './newcomer.js'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast fresh ü '))
const clone = path.join(folder, 'holdfast')
try {
  execFileSync('git', ['clone', '--quiet', root, clone])
  const home = path.join(folder, 'home')
  const began = performance.now()
  const child = spawn('npm', ['start', '--', '--no-traffic'], {
    cwd: clone,
    env: { PATH: pathOutside(), ...newcomer(home), HOLDFAST_PORT: '0', HOLDFAST_ADMIN_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise(resolve => child.once('close', resolve))
  await banner(child)
  const seconds = ((performance.now() - began) / 1_000).toFixed(0)
  const { collectorUrl } = JSON.parse(readFileSync(path.join(clone, '.holdfast', 'run.json'), 'utf8'))
  const { status } = await fetch(`${collectorUrl}/api/collect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
    body: '{"type":"click","campaignId":"c1"}',
  })
  child.kill('SIGTERM')
  const code = await ended
  const left = readdirSync(home).filter(name => name !== '.npm')
  if (status !== 202 || code !== 0 || left.length > 0) {
    throw new Error(
      `fresh clone: the event was answered ${status}, it ended with ${code}, HOME has ${left.join()}`,
    )
  }
  process.stdout.write(`fresh clone: npm start was ready after ${seconds} s, 202, ended with 0\n`)
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** Resolves when it runs; rejects when it ends before. */
function banner(child) {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      said += text
      if (said.includes('Ctrl-C stops')) resolve()
    })
    child.once('close', code => reject(new Error(`fresh clone: npm start ended with ${code}: ${said}`)))
  })
}

/** Without what `npm run` puts in front of it: the programs of this project. */
function pathOutside() {
  const inside = name => name.includes(`${path.sep}node_modules${path.sep}`)
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter(name => !inside(`${name}${path.sep}`))
    .join(path.delimiter)
}

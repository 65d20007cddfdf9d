// `npm start`, `npm run demo`, `npm run kafka` and `npm test` straight from a clone: installs what is missing, then hands over to the Node that the
// project pins. Runs on whatever Node the machine has, so it uses nothing new.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const node = path.join(root, 'node_modules', '.bin', 'node')

const commands = {
  start: ['--conditions=holdfast-source', 'examples/campaigns/src/main.ts'],
  orders: ['--conditions=holdfast-source', 'examples/orders/src/main.ts'],
  kafka: ['--conditions=holdfast-source', 'scripts/kafka.ts'],
  rows: ['--conditions=holdfast-source', 'examples/campaigns/src/rows.ts'],
  demo: ['bin/holdfast.js', 'chaos', 'run', 'demo', '--live'],
  experiment: ['bin/holdfast.js', 'chaos', 'run', 'published'],
  test: [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=./scripts/test-results.js',
    '--reporter=./scripts/closing-line.js',
  ],
}

if (!installed()) {
  process.stderr.write('holdfast: installing what is missing (npm install), once; it takes about a minute\n')
  const flags = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error']
  // Without a network npm would wait over a minute for each of many optional packages, and say nothing meanwhile.
  const patience = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=1000']
  const install = spawnSync('npm', ['install', ...flags, ...patience], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (install.status !== 0) {
    process.stderr.write(
      'holdfast: npm install failed, see above. Check that the npm registry can be reached, then run the same command again.\n',
    )
    process.exit(1)
  }
}

const [name = '', ...rest] = process.argv.slice(2)
// By the channel, what runs until it is stopped notices when this process is killed, and ends too.
const stdio = ['start', 'orders', 'kafka'].includes(name)
  ? ['inherit', 'inherit', 'inherit', 'ipc']
  : 'inherit'
const child = spawn(node, [...(commands[name] ?? []), ...rest], { cwd: root, stdio })
// The terminal sends Ctrl-C to both; a signal that only this process gets is passed on. Its end is ours.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT') child.kill(signal)
  })
}
child.on('error', error => {
  process.stderr.write(
    `holdfast: ${node} could not be started: ${error.message}. Delete node_modules and try again.\n`,
  )
  process.exit(1)
})
child.on('exit', (code, signal) => {
  if (signal !== null && signal !== 'SIGINT') process.stderr.write(`holdfast: ended by ${signal}\n`)
  process.exit(code ?? (signal === 'SIGINT' ? 130 : 1))
})

/** Whether node_modules holds what package-lock.json asks for: npm keeps its own record of what it put there. */
function installed() {
  const record = path.join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(record) || !existsSync(node)) return false
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(record, 'utf8')).packages
  return Object.entries(wanted).every(
    ([where, entry]) =>
      where === '' || entry.optional || entry.link || present[where]?.version === entry.version,
  )
}

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, it } from 'vitest'
import { click, exampleFolder, processesOf, startInTerminal } from '../harness/example.ts'
import { CTRL_C, noTerminal } from '../harness/terminal.ts'
import { until } from '../harness/until.ts'

it.skipIf(noTerminal)(
  'at a terminal --reset asks first, a Ctrl-C says what is waited for, and a second one ends at once with 130',
  async () => {
    const data = exampleFolder()
    const { screen, type, ended } = startInTerminal(data)
    await until('the banner', () => screen().includes('Ctrl-C stops'))
    const { collectorUrl, databaseUrl } = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as {
      collectorUrl: string
      databaseUrl: string
    }

    // Somebody else holds the table, so the handler does not come back, and the drain waits for it.
    const other = new Client({ connectionString: databaseUrl })
    other.on('error', () => {}) // its server is killed
    await other.connect()
    await other.query('begin')
    await other.query('lock table campaigns.raw_events')
    expect((await click(collectorUrl)).status).toBe(202)
    await until('the handler waits', async () => {
      const { rows } = await other.query(`select 1 from pg_locks where not granted`)
      return rows.length > 0
    })
    type(CTRL_C)
    await until('it says what it waits for', () =>
      /stopping: waiting at most 5s for .*persister/.test(screen()),
    )
    type(CTRL_C)
    expect(await ended).toBe(130)
    expect(screen()).toContain('not waiting any longer')
    expect(processesOf(data)).toEqual([])
    await other.end().catch(() => {})

    const asked = startInTerminal(data, '--reset')
    await until('the question', () => asked.screen().includes('Type yes to go on'))
    asked.type('no\n')
    expect(await asked.ended).toBe(4)
    expect(asked.screen()).toContain('the answer was not yes')
    expect(existsSync(join(data, 'log', 'data.mdb'))).toBe(true)
  },
)

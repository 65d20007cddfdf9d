import { describe, expect, it } from 'vitest'
import { offset } from '../event/index.ts'
import { adminHandler, type AdminSource } from './admin.ts'
import type { StatusReport } from './status-report.ts'

const now = Date.UTC(2026, 10, 21, 12, 3, 4)

/** A report in which every text that could come from outside is `text`. */
function reportWith(text: string): StatusReport {
  return {
    at: now,
    app: { name: text, version: '0.1.0', startedAt: now - 60_000 },
    ready: { ready: true },
    log: { kind: 'embedded', durability: 'fsync' },
    standing: {
      space: { usedBytes: 48_300_000, freeBytes: 2_048 },
      pools: [],
      outbox: undefined,
      topics: [{ topic: text, retentionMs: 1_000, bytes: 2_048, partitions: [] }],
      letters: [{ group: text, topic: text, open: 1, oldestAt: now }],
      replays: [
        {
          group: text,
          jobs: { waiting: 0, running: 1, cancelling: 0, done: 0, cancelled: 0 },
          settled: 40,
          remaining: 60,
          standingStill: 1,
          why: text,
        },
      ],
      groups: [
        {
          group: text,
          topics: [text],
          state: 'paused',
          reason: text,
          members: [text],
          lag: 9_007_199_254_740_993n,
          lagSeconds: 41.3,
          parked: 0,
          deadLetters: 1,
          partitions: [
            {
              topic: text,
              partition: 0,
              state: 'stopped',
              reason: `${text}.`,
              committed: offset(1),
              end: offset('9007199254740994'),
              lag: 9_007_199_254_740_993n,
              lagSeconds: 41.3,
              inFlight: 0,
              parked: 0,
            },
          ],
        },
      ],
    },
    rates: { in: 5, done: { [text]: 4.9 } },
    breakers: [{ name: text, state: 'OPEN', reason: text, since: now - 41_000, everOpened: true }],
    letters: [
      {
        group: text,
        topic: text,
        partition: 0,
        offset: 7n,
        key: text,
        reason: 'data',
        message: text,
        at: now,
      },
    ],
  }
}

function sourceOf(report: StatusReport): AdminSource {
  return {
    ready: async () => report.ready,
    report: async () => report,
    metrics: { contentType: 'text/plain; version=0.0.4', text: async () => 'up 1\n' },
    host: notRunning,
  }
}

const notRunning = (): never => {
  throw new Error('there is no log')
}

const get = (path: string, source: AdminSource, host = '127.0.0.1:4310'): Promise<Response> =>
  adminHandler(source)(new Request(`http://127.0.0.1:4310${path}`, { headers: { host } }))

const broken = (): Promise<never> => Promise.reject(new Error('asked'))

const paths = ['/', '/status.json', '/metrics', '/livez', '/readyz', '/style.css']

describe('the admin side', () => {
  it('is alive while everything that it would ask is broken', async () => {
    const source: AdminSource = {
      ready: broken,
      report: broken,
      metrics: { contentType: 'text/plain', text: broken },
      host: notRunning,
    }
    expect((await get('/livez', source)).status).toBe(200)
    const page = await get('/', source)
    expect(page.status).toBe(500)
    expect(await page.text()).toContain('asked')
  })

  it('is not ready with the reason in words, and says so at the top of the page', async () => {
    const full = { ...reportWith('x'), ready: { ready: false as const, reason: 'the disk is full' } }
    const response = await get('/readyz', sourceOf(full))
    expect(response.status).toBe(503)
    expect(await response.text()).toBe('not ready: the disk is full\n')
    expect(await (await get('/', sourceOf(full))).text()).toContain('Events are refused: the disk is full')
  })

  it('gives offsets in JSON exactly, as text', async () => {
    const json = (await (await get('/status.json', sourceOf(reportWith('x')))).json()) as {
      format: number
      standing: StatusReport['standing']
    }
    expect(json.format).toBe(1)
    expect(json.standing.groups[0]?.lag).toBe('9007199254740993')
  })

  it('shows replays until they have ended, and why one stands still', async () => {
    const report = reportWith('the table is locked')
    const page = await (await get('/', sourceOf(report))).text()
    expect(page).toMatch(/Replays<\/h2>[^]*in 1\s+partition<span class="note">the table is locked<\/span>/)
    const ended = report.standing.replays.map(one => ({ ...one, jobs: { ...one.jobs, running: 0, done: 1 } }))
    const later = { ...report, standing: { ...report.standing, replays: ended } }
    expect(await (await get('/', sourceOf(later))).text()).not.toContain('Replays')
  })

  it('refreshes by itself, and stands still when asked to', async () => {
    const refresh = '<meta http-equiv="refresh"'
    expect(await (await get('/', sourceOf(reportWith('x')))).text()).toContain(refresh)
    expect(await (await get('/?refresh=off', sourceOf(reportWith('x')))).text()).not.toContain(refresh)
  })

  it('shows the partitions of the group that was chosen', async () => {
    expect(await (await get('/', sourceOf(reportWith('x')))).text()).not.toContain('Partitions of')
    const page = await (await get('/?group=x', sourceOf(reportWith('x')))).text()
    expect(page).toContain('Partitions of x')
    expect(page).toContain('9,007,199,254,740,994')
  })

  it('hazard S2: answers no foreign Host, on any address', async () => {
    for (const path of paths) {
      for (const host of [
        'evil.example',
        'evil.example:4310',
        '127.0.0.1.evil.example',
        'localhost.evil.example',
        '',
      ]) {
        expect((await get(path, sourceOf(reportWith('x')), host)).status, `${path} as ${host}`).toBe(421)
      }
      for (const host of ['localhost:4310', '127.0.0.1:9', '[::1]:4310', 'LOCALHOST']) {
        expect((await get(path, sourceOf(reportWith('x')), host)).status, `${path} as ${host}`).toBe(200)
      }
    }
  })

  it('hazard S2: answers no page of another origin', async () => {
    const asked = (path: string, origin: string): Promise<Response> =>
      adminHandler(sourceOf(reportWith('x')))(
        new Request(`http://127.0.0.1:4310${path}`, { headers: { host: 'localhost:4310', origin } }),
      )
    for (const path of paths) {
      for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example', 'garbage']) {
        expect((await asked(path, origin)).status, `${path} from ${origin}`).toBe(403)
      }
      expect((await asked(path, 'http://localhost:4310')).status).toBe(200)
    }
  })

  it('hazard S2: changes nothing, by any method', async () => {
    for (const path of paths) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const response = await adminHandler(sourceOf(reportWith('x')))(
          new Request(`http://127.0.0.1:4310${path}`, { method, headers: { host: 'localhost' } }),
        )
        expect(response.status).toBe(404)
      }
    }
  })
})

/** Texts that have broken pages: in elements, in attributes, in addresses, out of the escaping itself. */
const corpus = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'><svg/onload=alert(1)>",
  '</title><script>alert(1)</script>',
  '</caption></table><iframe src=javascript:alert(1)>',
  '" onmouseover="alert(1)',
  'javascript:alert(1)',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '<!--',
  '${alert(1)}',
  '\u2028<b>\u0000',
  '"/></a><a href="javascript:alert(1)',
]

/** The tags of a page with their attribute names, without any text or value. */
function skeleton(page: string): string[] {
  return [...page.matchAll(/<\/?[a-z!][^<>]*>/gi)].map(([tag]) =>
    tag.replaceAll(/"[^"]*"/g, '""').replaceAll(/\s+/g, ' '),
  )
}

const pageOf = async (text: string): Promise<string> =>
  (await get(`/?group=${encodeURIComponent(text)}`, sourceOf(reportWith(text)))).text()

describe('hazard S3: text from outside', () => {
  it('stays text: no element and no attribute of the page comes from it', async () => {
    const harmless = await pageOf('harmless')
    expect(harmless).toContain('Partitions of harmless')
    for (const text of corpus) expect(skeleton(await pageOf(text)), text).toEqual(skeleton(harmless))
  })

  it('could run nothing even then: the policy allows no script and no inline style', async () => {
    for (const path of paths) {
      const response = await get(path, sourceOf(reportWith('x')))
      const policy = response.headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toContain('unsafe')
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    }
    const page = await (await get('/?group=x', sourceOf(reportWith('x')))).text()
    expect(page).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=/)
  })
})

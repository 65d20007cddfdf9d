import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { anyLog } from '../../../test/support/test-logs.ts'
import { topic } from '../../schema/index.ts'
import type { AccessToken } from '../access.ts'
import { adminHandler } from '../admin.ts'
import { app, type App } from '../app.ts'
import { auditList } from './audit-list.ts'
import { operate } from './operate.ts'
import { mayRun, pathOf, type AccessRole, type AnyOperation } from './operation.ts'
import type { Problem } from './shape.ts'
import { operations } from './table.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 2,
  events: { placed: z.object({ customer: z.string() }) },
})

async function running(): Promise<App<boolean>> {
  const a = app({ name: 'shop', log: anyLog() })
  a.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {})
  await a.start()
  onTestFinished(() => a.stop())
  return a
}

const roles = ['viewer', 'operator', 'admin'] as const
const tokens: readonly AccessToken[] = roles.map(role => ({
  name: `${role}-1`,
  role,
  token: `secret-of-${role}-1234`,
}))

interface Asked {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks for an operation with an input that says nothing, which is wrong for most: it is refused or read after the role. */
function ask(
  handle: (request: Request) => Promise<Response>,
  operation: AnyOperation,
  asked: Asked,
): Promise<Response> {
  const { token, body = {}, headers = {} } = asked
  const all = new Headers({ host: 'localhost:4310', ...headers })
  if (token !== undefined) all.set('authorization', `Bearer ${token}`)
  const url = `http://localhost:4310${pathOf(operation)}`
  if (operation.effect === 'none') return handle(new Request(url, { headers: all }))
  if (!all.has('content-type')) all.set('content-type', 'application/json')
  return handle(new Request(url, { method: 'POST', headers: all, body: JSON.stringify(body) }))
}

const secretOf = (role: AccessRole): string => `secret-of-${role}-1234`

describe('every operation over HTTP', async () => {
  it('hazard S1: is refused to whoever has no token, an unknown one, or too small a role', async () => {
    const handle = adminHandler((await running()).admin, { tokens })
    let refused = 0
    for (const operation of operations) {
      for (const token of [undefined, 'secret-of-nobody-1234', secretOf('admin').slice(0, -1)]) {
        const answer = await ask(handle, operation, { token })
        expect(answer.status, `${operation.name} with ${token}`).toBe(401)
        expect(answer.headers.get('www-authenticate')).toContain('Bearer')
      }
      for (const role of roles) {
        const answer = await ask(handle, operation, { token: secretOf(role) })
        const isDenied = !mayRun(role, operation.role)
        expect(answer.status === 403, `${operation.name} as ${role}: ${answer.status}`).toBe(isDenied)
        if (isDenied) refused += 1
      }
    }
    // Seen: there are operations that need more than looking.
    expect(refused).toBeGreaterThan(0)
  })

  it('hazard S1: is open to whoever is on this machine where there are no tokens', async () => {
    const handle = adminHandler((await running()).admin)
    for (const operation of operations) expect((await ask(handle, operation, {})).status).not.toBe(401)
  })

  it('hazard S2: is written to by no other page: JSON and the same origin, or nothing', async () => {
    const handle = adminHandler((await running()).admin)
    const writing = operations.filter(({ effect }) => effect !== 'none')
    expect(writing.length).toBeGreaterThan(0)
    for (const operation of writing) {
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
        expect((await ask(handle, operation, { headers: { 'content-type': type } })).status).toBe(415)
      for (const origin of ['https://evil.example', 'http://localhost:3000', 'http://localhost', 'null'])
        expect((await ask(handle, operation, { headers: { origin } })).status, origin).toBe(403)
      for (const site of ['cross-site', 'same-site'])
        expect((await ask(handle, operation, { headers: { 'sec-fetch-site': site } })).status).toBe(403)
      const own = { origin: 'http://localhost:4310', 'sec-fetch-site': 'same-origin' }
      expect((await ask(handle, operation, { headers: own })).status).not.toBe(403)
      const url = `http://localhost:4310${pathOf(operation)}`
      const got = await handle(new Request(url, { headers: { host: 'localhost:4310' } }))
      expect(got.status, `${operation.name} by GET`).toBe(404)
    }
  })

  it('answers in the shape that its document says', async () => {
    const a = await running()
    const handle = adminHandler(a.admin)
    await a.publish(orders, 'placed', { customer: 'c' }, { id: 'o1' })
    const inputs: Record<string, string> = {
      'group.describe': 'group=billing',
      'topic.describe': 'topic=orders',
      'topic.stats': 'topic=orders',
      'circuit.show': 'name=billing-calls',
      'event.explain': 'id=o1',
      'event.show': 'id=o1',
      'event.trace': 'id=o1',
    }
    const answered: string[] = []
    for (const operation of operations.filter(({ effect }) => effect === 'none')) {
      const url = `http://localhost:4310${pathOf(operation)}?${inputs[operation.name] ?? ''}`
      const answer = await handle(new Request(url, { headers: { host: 'localhost' } }))
      if (!answer.ok) continue
      const { format, ...output } = (await answer.json()) as { format: number }
      expect(format).toBe(1)
      const problems: Problem[] = []
      operation.output.read(output, '', problems)
      expect(problems, operation.name).toEqual([])
      answered.push(operation.name)
    }
    expect(answered).toEqual(expect.arrayContaining([...Object.keys(inputs), 'group.list', 'audit.verify']))
  })

  it('writes down who somebody says he is where nobody is known, and believes no header where there are tokens', async () => {
    const a = await running()
    const resume = operations.find(({ name }) => name === 'group.resume') as AnyOperation
    const headers = { 'holdfast-by': 'ada@desk' }
    const body = { group: 'billing' }
    expect((await ask(adminHandler(a.admin), resume, { headers, body })).status).toBe(200)
    const token = secretOf('operator')
    expect((await ask(adminHandler(a.admin, { tokens }), resume, { headers, body, token })).status).toBe(200)
    const { acts } = await operate(a)(auditList, {})
    expect(acts.map(({ who }) => who)).toEqual(['operator-1', 'loopback, says ada@desk'])
  })

  it('answers what its input lacks with the field, as a problem', async () => {
    const handle = adminHandler((await running()).admin)
    const pause = operations.find(({ name }) => name === 'group.pause')
    const answer = await ask(handle, pause as AnyOperation, { body: { grup: 'billing', reason: 7 } })
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.json()).toMatchObject({
      code: 'INPUT_INVALID',
      status: 400,
      errors: [
        { field: '/grup', message: 'is not known here' },
        { field: '/group', message: 'is missing' },
        { field: '/reason', message: 'must be text' },
      ],
    })
  })

  it('refuses a body that is too large, and one that is no object', async () => {
    const handle = adminHandler((await running()).admin)
    const pause = operations.find(({ name }) => name === 'group.pause') as AnyOperation
    expect((await ask(handle, pause, { body: { group: 'x'.repeat(3_000_000) } })).status).toBe(413)
    expect((await ask(handle, pause, { body: [1] })).status).toBe(400)
  })

  it('is in the OpenAPI document, with what goes in and what comes out', async () => {
    const handle = adminHandler((await running()).admin)
    const answer = await handle(
      new Request('http://localhost:4310/openapi.json', { headers: { host: 'localhost' } }),
    )
    const document = (await answer.json()) as {
      paths: Record<string, Record<string, { operationId: string }>>
    }
    const known = Object.values(document.paths).flatMap(item =>
      Object.values(item).map(one => one.operationId),
    )
    expect(known).toEqual(operations.map(({ name }) => name))
    expect(document.paths['/api/v1/group/pause']).toMatchObject({
      post: {
        requestBody: {
          content: {
            'application/json': { schema: { required: ['group'], properties: { reason: {}, group: {} } } },
          },
        },
      },
    })
  })

  it('says that the app does not run yet, rather than failing', async () => {
    const handle = adminHandler(app({ name: 'shop', log: anyLog() }).admin)
    for (const operation of operations) expect((await ask(handle, operation, {})).status).toBe(503)
  })
})

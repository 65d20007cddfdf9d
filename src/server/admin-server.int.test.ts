import { request } from 'node:http'
import { createConnection } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startAdmin, type AdminServer } from './admin-server.ts'
import type { AdminSource } from './admin.ts'

const source: AdminSource = {
  ready: async () => ({ ready: true }),
  report: () => Promise.reject(new Error('nothing to report')),
  metrics: { contentType: 'text/plain; version=0.0.4', text: async () => 'up 1\n' },
  host: () => {
    throw new Error('there is no log')
  },
}

let server: AdminServer | undefined
afterEach(() => server?.close())

function statusOf(path: string, host: string): Promise<number | undefined> {
  const { port } = new URL(server?.url ?? '')
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { host } }, response => {
      response.resume()
      resolve(response.statusCode)
    })
    asked.once('error', reject).end()
  })
}

describe('the admin port', () => {
  it('answers over HTTP with the headers of the handler', async () => {
    server = await startAdmin(source, { port: 0 })
    const response = await fetch(`${server.url}/metrics`)
    expect(await response.text()).toBe('up 1\n')
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect((await fetch(`${server.url}/`)).status).toBe(500)
  })

  it('hazard S1: binds no address that others can reach, because it has no authentication', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.7', 'example.com', '']) {
      await expect(startAdmin(source, { port: 0, host }), host).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      })
    }
  })

  it('hazard S1: with tokens it may be reached from elsewhere, and asks everybody for one, on this machine too', async () => {
    const token = 'a-token-of-a-viewer'
    server = await startAdmin(source, {
      port: 0,
      host: '0.0.0.0',
      tokens: [{ name: 'grafana', role: 'viewer', token }],
    })
    const url = server.url.replace('0.0.0.0', '127.0.0.1')
    const basic = { authorization: `Basic ${btoa(`browser:${token}`)}` }
    for (const path of ['/', '/metrics', '/status.json', '/openapi.json', '/api/v1/group/list', '/nothing']) {
      expect((await fetch(url + path)).status, path).toBe(401)
      expect((await fetch(url + path, { headers: basic })).status, path).not.toBe(401)
    }
    for (const path of ['/livez', '/readyz']) expect((await fetch(url + path)).status, path).toBe(200)
    expect(await statusOf('/metrics', 'holdfast.example')).toBe(401)
    expect(await statusOf('/livez', 'holdfast.example')).toBe(200)
  })

  it('hazard S2: a forged Host is refused on the wire too, also when the request line names a host', async () => {
    server = await startAdmin(source, { port: 0 })
    expect(await statusOf('/livez', 'localhost')).toBe(200)
    expect(await statusOf('/livez', 'evil.example')).toBe(421)
    expect(await statusOf('http://localhost/livez', 'evil.example')).toBe(421)
  })

  it('closes while a connection is open and idle', async () => {
    server = await startAdmin(source, { port: 0 })
    const socket = createConnection(Number(new URL(server.url).port), '127.0.0.1')
    await new Promise(resolve => socket.once('connect', resolve))
    const gone = new Promise(resolve => socket.once('close', resolve))
    await server.close()
    await server.close()
    await gone
  })
})

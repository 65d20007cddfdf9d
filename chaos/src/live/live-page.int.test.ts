import { get, type IncomingMessage } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { sampleProgress } from '../../test/sample-progress.ts'
import { sampleResult } from '../../test/sample-result.ts'
import type { Progress } from '../contract/progress.ts'
import { afterProgress, beforeItBegan, type LiveState } from './live-state.ts'
import { startLivePage, type LivePage } from './start-live-page.ts'

const result = { ...sampleResult({ arms: ['rest', 'holdfast'] }), mode: 'side-by-side' as const }
const all = sampleProgress(result)
const middle = all.findIndex(told => told.kind === 'second' && told.second.at === 20)

async function page(): Promise<LivePage> {
  const live = await startLivePage()
  onTestFinished(() => live.close())
  return live
}

function request(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { headers }, resolve).on('error', reject))
}

/** The state of a viewer who follows from now on until `isEnough`. */
async function follow(url: string, isEnough: (state: LiveState) => boolean): Promise<LiveState> {
  const response = await request(`${url}events`)
  let state = beforeItBegan
  let text = ''
  for await (const chunk of response) {
    text += String(chunk)
    const messages = text.split('\n\n')
    text = messages.pop() ?? ''
    for (const message of messages) {
      const [, name, data = ''] = /event: (\w+)\ndata: (.*)/.exec(message) ?? []
      if (name === 'state') state = JSON.parse(data) as LiveState
      if (name === 'progress') state = afterProgress(state, JSON.parse(data) as Progress)
      if (isEnough(state)) return state
    }
  }
  throw new Error('the stream ended before that')
}

const told = (progress: readonly Progress[]): LiveState =>
  JSON.parse(JSON.stringify(progress.reduce(afterProgress, beforeItBegan))) as LiveState

it('a viewer who comes late sees the same as one who came early, and so does one who comes again', async () => {
  const live = await page()
  const early = follow(live.url, state => state.ended !== undefined)
  // The early one is connected before anything is told.
  await follow(live.url, () => true)
  for (const progress of all.slice(0, middle)) live.publish(progress)
  expect(await follow(live.url, () => true)).toEqual(told(all.slice(0, middle)))
  const late = follow(live.url, state => state.ended !== undefined)
  await follow(live.url, () => true)
  for (const progress of all.slice(middle)) live.publish(progress)
  const whole = told(all)
  expect(await early).toEqual(whole)
  expect(await late).toEqual(whole)
  expect(await follow(live.url, () => true)).toEqual(whole)
})

it('answers its figures as plain HTML, and the report once there is one', async () => {
  const live = await page()
  for (const progress of all.slice(0, middle)) live.publish(progress)
  expect((await fetch(`${live.url}report`)).status).toBe(404)
  const first = await (await fetch(live.url)).text()
  expect(first).toContain('The fault is on')
  expect(first).toMatch(/REST, direct writer<\/th><td>0:19<\/td><td>750<\/td><td>250<\/td>/)
  for (const progress of all.slice(middle)) live.publish(progress)
  expect(await (await fetch(live.url)).text()).toContain('2,250 sent · 750 turned away · 0 lost')
  expect(await (await fetch(`${live.url}report`)).text()).toContain(
    '<script type="application/json" id="data">',
  )
  expect(await (await fetch(`${live.url}result.json`)).json()).toEqual(JSON.parse(JSON.stringify(result)))
})

it('is for this machine under its own names only, and nothing but GET', async () => {
  const live = await page()
  expect((await request(live.url, { host: 'attacker.example' })).statusCode).toBe(404)
  expect((await request(`${live.url}events`, { host: 'attacker.example:80' })).statusCode).toBe(404)
  expect((await request(live.url, { host: 'localhost:1' })).statusCode).toBe(200)
  expect((await fetch(live.url, { method: 'POST' })).status).toBe(404)
  expect((await fetch(live.url)).headers.get('content-security-policy')).toMatch(/default-src 'none'/)
})

it('close ends those who still watch, twice if need be', async () => {
  const live = await startLivePage()
  const watching = follow(live.url, state => state.ended !== undefined)
  await follow(live.url, () => true)
  await live.close()
  await expect(watching).rejects.toThrow()
  await live.close()
  await expect(fetch(live.url)).rejects.toThrow()
})

it('shows hostile names as text', async () => {
  const live = await page()
  const name = '</td><script>alert(1)</script>'
  live.publish({
    kind: 'began',
    scenario: name,
    title: name,
    arms: [{ name, title: name }],
    seconds: 1,
    mode: 'sequence',
  })
  const html = await (await fetch(live.url)).text()
  expect(html).not.toContain('<script>alert')
  expect(html).toContain('&lt;script&gt;alert(1)')
})

import * as fc from 'fast-check'
import { gzipSync, deflateSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { problemCatalogue } from '../../src/collect/problems.ts'
import type { Durability } from '../../src/event/index.ts'
import { clicks, rig as anyRig, withAppend, type OpenLog, type Rig } from './collector.ts'

const data = { campaignId: 'c1' }
const click = (more: object = {}): string => JSON.stringify({ type: 'click', data, ...more })
const payloadOf = (event: { readonly data: Uint8Array | null } | undefined): string =>
  Buffer.from(event?.data ?? []).toString('utf8')

/** What the collector promises on any log. */
export function describeCollector(
  openLog: OpenLog,
  { durability, dedup = 'log' }: { readonly durability: Durability; readonly dedup?: 'log' | 'local' },
): void {
  const opened: Rig[] = []
  const rig = async (options: Parameters<typeof anyRig>[0] = {}): Promise<Rig> => {
    const one = await anyRig({ openLog, dedup, ...options })
    opened.push(one)
    return one
  }
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(one => one.close()))
  })

  describe('over HTTP', () => {
    describe('one event', () => {
      it('is answered 202 with the receipt of what was stored', async () => {
        const { post, get, stored } = await rig()
        const answer = await post(click({ id: 'e1' }))
        expect(answer.status).toBe(202)
        expect(answer.json).toEqual({
          id: 'e1',
          receipt: expect.stringMatching(/^events\.raw\.[0-3]\.0$/),
          duplicate: false,
        })
        expect(answer.headers.get('location')).toBe(`/v1/receipts/${answer.json.receipt}`)
        expect(answer.headers.get('collector-durability')).toBe(durability)
        const [event, ...more] = await stored()
        expect(more).toEqual([])
        expect(event).toMatchObject({
          id: 'e1',
          type: 'click',
          source: '/collect/pk_demo',
          tenant: 't1',
          key: 't1/c1',
          correlationId: 'e1',
        })
        expect(payloadOf(event)).toBe('{"campaignId":"c1"}')
        const receipt = await get(`/v1/receipts/${answer.json.receipt}`)
        expect(receipt.status).toBe(200)
        expect(receipt.json).toMatchObject({
          status: 'logged',
          topic: 'events.raw',
          offset: '0',
          id: 'e1',
          type: 'click',
        })
      })

      it('gets an id of its own when the sender gave none, and is then never a duplicate', async () => {
        const { post, stored } = await rig()
        const [first, second] = [await post(click()), await post(click())]
        expect(first.json.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
        expect(second.json.id).not.toBe(first.json.id)
        expect(await stored()).toHaveLength(2)
      })

      it('keeps the attributes that the sender gave', async () => {
        const { post, stored } = await rig()
        const attributes = {
          time: '2026-01-31T08:30:00.123Z',
          source: '/shop',
          subject: 'cart',
          correlationId: 'story-1',
          causationId: 'cause-1',
        }
        await post(click(attributes), { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` })
        expect((await stored())[0]).toMatchObject({
          ...attributes,
          traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
        })
      })

      it('hazard S6: takes nothing else from the headers of the request', async () => {
        const { post, log } = await rig()
        await post(click({ id: 'e1' }), {
          'hf-at': '1',
          'ce-tenant': 't2',
          ce_tenant: 't2',
          'x-correlation-id': 'undefined',
          traceparent: 'forged',
          'retry-attempt': '9',
        })
        const headers: object[] = []
        for (let partition = 0; partition < clicks.partitions; partition++) {
          const at = { topic: clicks.name, partition, offset: 0n as never }
          const limits = { maxRecords: 10, maxBytes: 1e6, waitMs: 0 }
          headers.push(
            ...(await log.read(at, limits, new AbortController().signal)).records.map(r => r.headers),
          )
        }
        expect(headers).toEqual([
          {
            ce_specversion: '1.0',
            ce_id: 'e1',
            ce_source: '/collect/pk_demo',
            ce_type: 'click',
            ce_tenant: 't1',
            ce_correlationid: 'e1',
            'hf-at': expect.stringMatching(/^1[789]\d{11}$/),
          },
        ])
      })

      it('has its time corrected by what the clock of the sender showed', async () => {
        const { post, stored } = await rig()
        const hour = 3_600_000
        const [now, time] = [Date.now(), new Date(Date.now() + hour - 60_000).toISOString()]
        await post(click({ time }), { 'collector-sent-at': String(now + hour) })
        const [event] = await stored()
        expect(Math.abs(Date.parse(event?.time ?? '') - (now - 60_000))).toBeLessThan(5_000)
        expect(event?.extensions).toEqual({ senttime: time })
      })

      it('may come as a structured CloudEvent, with data or with the bytes of data in base64', async () => {
        const { post, stored } = await rig()
        const cloudEvent = {
          specversion: '1.0',
          source: '/shop',
          type: 'click',
          partitionkey: 'p',
          retries: 3,
          tenant: 't2',
        }
        const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' }
        expect((await post(JSON.stringify({ ...cloudEvent, id: 'a', data }), headers)).status).toBe(202)
        const base64 = Buffer.from('{ "campaignId": "c1", "n": 1.10 }').toString('base64')
        expect(
          (await post(JSON.stringify({ ...cloudEvent, id: 'b', data_base64: base64 }), headers)).status,
        ).toBe(202)
        const [a, b] = await stored()
        expect(a).toMatchObject({
          id: 'a',
          source: '/shop',
          tenant: 't1',
          extensions: { partitionkey: 'p', retries: '3' },
        })
        expect(payloadOf(b)).toBe('{ "campaignId": "c1", "n": 1.10 }')
      })

      it('may come flat at an alias: the whole object is the payload', async () => {
        const { post, stored } = await rig({ aliases: { '/api/collect': { topic: clicks, form: 'flat' } } })
        const body = ' {"type":"click", "id":"e1", "campaignId":"c1","cents":1.10}'
        const answer = await post(body, {}, '/api/collect')
        expect(answer.json).toMatchObject({ id: 'e1', duplicate: false })
        const [event] = await stored()
        expect(payloadOf(event)).toBe(body.trim())
        expect(event).toMatchObject({ type: 'click', key: 't1/c1' })
      })

      it('is of the type of its alias, where that names one, whatever its own member says', async () => {
        const { post, stored } = await rig({
          aliases: { '/clicks': { topic: clicks, type: 'click', form: 'flat' } },
        })
        const bodies = ['{"id":"e1","campaignId":"c1"}', '{"id":"e2","campaignId":"c1","type":"gift"}']
        const answer = await post(bodies.join('\n'), { 'content-type': 'application/x-ndjson' }, '/clicks')
        expect(answer.status).toBe(202)
        const events = await stored()
        expect(events.map(({ id, type }) => [id, type])).toEqual([
          ['e1', 'click'],
          ['e2', 'click'],
        ])
        expect(events.map(payloadOf)).toEqual(bodies)
        expect((await post('{"id":"e3"}', {}, '/clicks')).status).toBe(422)
      })

      it('may be packed', async () => {
        const { post, stored } = await rig()
        expect((await post(new Uint8Array(gzipSync(click())), { 'content-encoding': 'gzip' })).status).toBe(
          202,
        )
        expect(
          (await post(new Uint8Array(deflateSync(click())), { 'content-encoding': 'deflate' })).status,
        ).toBe(202)
        expect((await stored()).map(payloadOf)).toEqual(['{"campaignId":"c1"}', '{"campaignId":"c1"}'])
      })

      it('may begin with a byte order mark', async () => {
        const { post, stored } = await rig()
        expect((await post(`\ufeff${click()}`)).status).toBe(202)
        expect((await stored()).map(payloadOf)).toEqual(['{"campaignId":"c1"}'])
      })
    })

    describe('hazard 7: the payload', () => {
      const valueText = fc.oneof(
        fc.constantFrom(
          '12345678901234567890',
          '1.10',
          '1e400',
          '-0',
          '"\\u0041\\/"',
          '{"a":1,"a":2}',
          '[ 1 ,\n2 ]',
          '"\ufeff"',
        ),
        // Names that poison objects are refused; that is another test.
        fc.json({ maxDepth: 4 }).filter(text => !/__proto__|prototype/.test(text)),
      )
      const space = fc.stringMatching(/^[ \n\r\t]{0,3}$/)

      it('is stored byte for byte, whatever stands around it', async () => {
        const { post, stored } = await rig({ unstorableText: 'pass' })
        const sent: string[] = []
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.tuple(valueText, space, space), { minLength: 1, maxLength: 4 }),
            async values => {
              const events = values.map(
                ([value, before, after]) =>
                  `{${before}"data"${after}:${before}${value}${after},"type":"note"}`,
              )
              const single = events.length === 1 && values[0]?.[1] === ''
              const answer = await post(
                single ? `${events[0]}` : `[${events.join(',')}]`,
                {},
                '/v1/topics/notes/events',
              )
              const poisoned = values.some(([value]) => value.includes('__proto__'))
              if (poisoned) return
              expect(answer.status, answer.text).toBe(202)
              sent.push(...values.map(([value]) => value))
            },
          ),
          { numRuns: 300 },
        )
        expect(sent.length).toBeGreaterThan(300)
        expect((await stored()).map(payloadOf)).toEqual(sent)
      })
    })

    describe('several events', () => {
      it('come as an array or as lines, and are answered one by one in order', async () => {
        const { post, stored } = await rig()
        const events = [click({ id: 'a' }), '{"type":"note","id":"b","data":1}', click({ id: 'c' })]
        const array = await post(`[${events.join(',')}]`)
        expect(array.status).toBe(202)
        expect(array.json).toMatchObject({ accepted: 3, refused: 0 })
        expect(array.json.results.map((r: { index: number; id: string }) => [r.index, r.id])).toEqual([
          [0, 'a'],
          [1, 'b'],
          [2, 'c'],
        ])
        const lines = await post(`${events.join('\r\n')}\n\n`, { 'content-type': 'application/x-ndjson' })
        expect(lines.status).toBe(202)
        expect(lines.json.results.map((r: { duplicate: boolean }) => r.duplicate)).toEqual([true, true, true])
        expect(await stored()).toHaveLength(3)
      })

      it('hazard 3: keep their order within a key', async () => {
        const { post, stored } = await rig()
        const events = Array.from({ length: 300 }, (_, i) => ({
          type: 'click',
          data: { campaignId: `c${i % 7}`, cents: i },
        }))
        await post(JSON.stringify(events))
        const byKey = Map.groupBy(await stored(), event => event.key)
        expect(byKey.size).toBe(7)
        for (const of of byKey.values()) {
          const cents = of.map(event => JSON.parse(payloadOf(event)).cents as number)
          expect(cents).toEqual(cents.toSorted((a, b) => a - b))
        }
      })

      it('hazard 3: are answered 207 when some are refused, and a resend of the whole stores nothing twice', async () => {
        const { post, stored } = await rig()
        const kinds = fc.constantFrom('good', 'schema', 'type', 'id', 'form')
        const body = { good: data, schema: { campaignId: 5 }, type: data, id: data, form: data }
        const codes = {
          schema: 'schema_violation',
          type: 'type_unknown',
          id: 'id_invalid',
          form: 'event_invalid',
        } as const
        let run = 0
        let mixed = 0
        let expected = 0
        await fc.assert(
          fc.asyncProperty(fc.array(kinds, { minLength: 2, maxLength: 12 }), async mix => {
            run++
            const events = mix.map((kind, i) => ({
              type: kind === 'type' ? 'nothing' : 'click',
              id: kind === 'id' ? 'null' : `r${run}-${i}`,
              data: body[kind],
              ...(kind === 'form' ? { more: 1 } : {}),
            }))
            const first = await post(JSON.stringify(events))
            const good = mix.filter(kind => kind === 'good').length
            expected += good
            if (good === 0) {
              const one =
                new Set(mix).size === 1 && mix[0] !== 'good'
                  ? codes[mix[0] as keyof typeof codes]
                  : 'events_refused'
              expect(first.json.code).toBe(one)
              expect(first.status).toBe(problemCatalogue[one].status)
              expect(first.json.errors).toHaveLength(mix.length)
            } else {
              expect(first.status).toBe(good === mix.length ? 202 : 207)
              if (first.status === 207) mixed++
              for (const [i, kind] of mix.entries()) {
                const wanted =
                  kind === 'good'
                    ? { status: 202, duplicate: false }
                    : { code: codes[kind], status: problemCatalogue[codes[kind]].status }
                expect(first.json.results[i]).toMatchObject({ index: i, ...wanted })
              }
            }
            const again = await post(JSON.stringify(events))
            expect(again.status).toBe(first.status)
            if (good > 0)
              expect(again.json.results.filter((r: { duplicate?: boolean }) => r.duplicate)).toHaveLength(
                good,
              )
          }),
          { numRuns: 60 },
        )
        expect(mixed).toBeGreaterThan(10)
        expect(await stored()).toHaveLength(expected)
      })

      it('without ids are no duplicates when Idempotency-Key comes again', async () => {
        const { post, stored } = await rig()
        const body = JSON.stringify(
          Array.from({ length: 5 }, (_, i) => ({ type: 'click', data: { campaignId: `c${i}` } })),
        )
        const first = await post(body, { 'idempotency-key': 'batch-1' })
        const again = await post(body, { 'idempotency-key': 'batch-1' })
        expect(again.json.results.map((r: { receipt: string }) => r.receipt)).toEqual(
          first.json.results.map((r: { receipt: string }) => r.receipt),
        )
        await post(body, { 'idempotency-key': 'batch-2' })
        expect(await stored()).toHaveLength(10)
      })

      it('as lines without ids are told apart across chunks, and known when they come again', async () => {
        const { post, stored } = await rig({ limits: { ndjsonChunkLines: 2 } })
        const headers = { 'content-type': 'application/x-ndjson', 'idempotency-key': 'k' }
        const body = `${click()}\n`.repeat(5)
        const first = await post(body, headers)
        expect(new Set(first.json.results.map((r: { id: string }) => r.id)).size).toBe(5)
        const again = await post(body, headers)
        expect(again.json.results.map((r: { duplicate: boolean }) => r.duplicate)).toEqual(
          Array(5).fill(true),
        )
        expect(await stored()).toHaveLength(5)
      })

      it('as lines are appended in chunks, each line answered on its own', async () => {
        const appends: number[] = []
        const { post, stored } = await rig({
          around: log =>
            withAppend(log, async (topic, records) => {
              appends.push(records.length)
              return await log.append(topic, records)
            }),
        })
        const lines = Array.from({ length: 1203 }, (_, i) =>
          i === 700 ? '{"type":' : click({ id: `e${i}` }),
        )
        const answer = await post(lines.join('\n'), { 'content-type': 'application/x-ndjson' })
        expect(answer.status).toBe(207)
        expect(answer.json).toMatchObject({ accepted: 1202, refused: 1 })
        expect(answer.json.results[700]).toMatchObject({ index: 700, status: 400, code: 'malformed_json' })
        expect(await stored()).toHaveLength(1202)
        expect(Math.max(...appends)).toBe(500)
      })

      it('as lines are appended in chunks of bounded bytes too', async () => {
        const sizes: number[] = []
        const { post, stored } = await rig({
          limits: { maxEventBytes: 1_000, maxBodyBytes: 4_000 },
          around: log =>
            withAppend(log, async (topic, records) => {
              sizes.push(records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0))
              return await log.append(topic, records)
            }),
        })
        const line = JSON.stringify({ type: 'click', data: { ...data, fill: 'x'.repeat(800) } })
        const answer = await post(`${line}\n`.repeat(40), { 'content-type': 'application/x-ndjson' })
        expect(answer.json.accepted).toBe(40)
        expect(await stored()).toHaveLength(40)
        expect(Math.max(...sizes)).toBeLessThan(5_000)
      })

      it('as lines of which one is too long are read on behind it', async () => {
        const { post } = await rig({ limits: { maxEventBytes: 200 } })
        const lines = [click(), click({ subject: 'x'.repeat(500) }), click()]
        const answer = await post(lines.join('\n'), { 'content-type': 'application/x-ndjson' })
        expect(answer.json.results.map((r: { status: number }) => r.status)).toEqual([202, 413, 202])
      })

      it('as lines stop at the limit of lines; what was appended is named', async () => {
        const { post, stored } = await rig({ limits: { maxNdjsonLines: 4, ndjsonChunkLines: 2 } })
        const body = new ReadableStream({
          start(controller) {
            for (let i = 0; i < 6; i++) controller.enqueue(Buffer.from(`${click()}\n`))
            controller.close()
          },
        })
        const answer = await post(body, { 'content-type': 'application/x-ndjson' })
        expect(answer.status).toBe(207)
        expect(answer.json).toMatchObject({ accepted: 4, broken: { code: 'too_many_events', limit: 4 } })
        expect(await stored()).toHaveLength(4)
      })

      it('hazard 4: as lines that break off keep whole chunks, name them, and nothing of the rest', async () => {
        const { post, stored } = await rig({ limits: { ndjsonChunkLines: 2 } })
        const body = new ReadableStream({
          pull(controller) {
            if (!pulled) controller.enqueue(Buffer.from(`${click()}\n`.repeat(5) + click().slice(0, 10)))
            else controller.error(new Error('gone'))
            pulled = true
          },
        })
        let pulled = false
        const answer = await post(body, { 'content-type': 'application/x-ndjson' })
        expect(answer.status).toBe(207)
        expect(answer.json.broken).toMatchObject({ code: 'body_incomplete', retryable: true })
        expect(answer.json.accepted).toBe(4)
        expect(await stored()).toHaveLength(4)
      })
    })

    describe('an id that comes again', () => {
      it('hazard 5: with the same content is the same event: 202, duplicate, same receipt', async () => {
        const { post, stored } = await rig()
        const first = await post(click({ id: 'e1' }))
        const again = await post(click({ id: 'e1' }))
        expect(again.status).toBe(202)
        expect(again.json).toEqual({ ...first.json, duplicate: true })
        expect(await stored()).toHaveLength(1)
      })

      it('hazard 5: has one effect when five come at once', async () => {
        const { post, stored } = await rig()
        const answers = await Promise.all(Array.from({ length: 5 }, () => post(click({ id: 'e1' }))))
        expect(answers.map(a => a.status)).toEqual([202, 202, 202, 202, 202])
        expect(new Set(answers.map(a => a.json.receipt)).size).toBe(1)
        expect(answers.filter(a => !a.json.duplicate)).toHaveLength(1)
        expect(await stored()).toHaveLength(1)
      })

      it('hazard 5: twice in one request is stored once', async () => {
        const { post, stored } = await rig()
        const answer = await post(`[${click({ id: 'e1' })},${click({ id: 'e1' })}]`)
        expect(answer.json.results.map((r: { duplicate: boolean }) => r.duplicate)).toEqual([false, true])
        expect(await stored()).toHaveLength(1)
      })

      it('hazard 6: with any other content is a conflict, and the first is kept', async () => {
        const { post, stored } = await rig()
        let ids = 0
        let conflicts = 0
        await fc.assert(
          fc.asyncProperty(fc.integer(), fc.integer(), async (a, b) => {
            const id = `e${ids++}`
            const event = (cents: number): string =>
              JSON.stringify({ type: 'click', id, data: { campaignId: 'c1', cents } })
            expect((await post(event(a))).status).toBe(202)
            const second = await post(event(b))
            if (a !== b) conflicts++
            const expected = a === b ? [202, undefined] : [409, 'id_conflict']
            expect([second.status, second.json.code]).toEqual(expected)
          }),
          { numRuns: 100 },
        )
        expect(conflicts).toBeGreaterThan(50)
        expect(await stored()).toHaveLength(ids)
      })

      it('hazard 6: under another type or to another topic is a conflict too', async () => {
        const { post } = await rig()
        await post(click({ id: 'e1' }))
        expect((await post(click({ id: 'e1', type: 'impression' }))).json.code).toBe('id_conflict')
        expect((await post(JSON.stringify({ type: 'note', id: 'e1', data }))).json.code).toBe('id_conflict')
      })

      it('hazard S5: from another tenant is another event', async () => {
        const { post, stored } = await rig()
        expect((await post(sameIdAs('note'))).status).toBe(202)
        const other = await post(sameIdAs('secret'), { 'x-api-key': 'pk_other' })
        expect(other.json.duplicate).toBe(false)
        expect((await stored()).map(event => event.tenant)).toEqual(['t1', 't2'])
      })
    })

    describe('a receipt', () => {
      it('hazard S5: is unknown to another tenant, and to a key without its topic', async () => {
        const { post, get } = await rig()
        const { receipt } = (await post(click())).json
        expect((await get(`/v1/receipts/${receipt}`)).status).toBe(200)
        for (const key of ['pk_other', 'sk_notes'])
          expect((await get(`/v1/receipts/${receipt}`, { 'x-api-key': key })).json.code).toBe(
            'receipt_unknown',
          )
        expect((await get(`/v1/receipts/${receipt}`, { 'x-api-key': undefined })).status).toBe(401)
      })

      it('hazard S5: is unknown to another tenant of the same topic', async () => {
        const { post, get } = await rig({
          keys: { pk_one: { tenant: 't1', topics: ['notes'] }, pk_two: { tenant: 't2', topics: ['notes'] } },
        })
        const { receipt } = (await post('{"type":"note","data":1}', { 'x-api-key': 'pk_one' })).json
        expect((await get(`/v1/receipts/${receipt}`, { 'x-api-key': 'pk_one' })).status).toBe(200)
        expect((await get(`/v1/receipts/${receipt}`, { 'x-api-key': 'pk_two' })).json.code).toBe(
          'receipt_unknown',
        )
      })

      it.each([
        'events.raw.0.99',
        'events.raw.9.0',
        'nothing.0.0',
        'events.raw',
        'x',
        'events.raw.0.-1',
        `events.raw.0.${'9'.repeat(30)}`,
      ])('%s is unknown', async receipt => {
        const { get } = await rig()
        expect((await get(`/v1/receipts/${receipt}`)).json).toMatchObject({
          status: 404,
          code: 'receipt_unknown',
        })
      })
    })

    describe('pages of other origins', () => {
      it('are allowed where a key names them, one origin echoed, without credentials', async () => {
        const { get, post } = await rig()
        const preflight = await get(
          '/v1/events',
          { origin: 'https://shop.example', 'x-api-key': undefined },
          'OPTIONS',
        )
        expect(preflight.status).toBe(204)
        expect(preflight.headers.get('access-control-allow-origin')).toBe('https://shop.example')
        expect(preflight.headers.get('access-control-allow-methods')).toContain('POST')
        expect(preflight.headers.get('access-control-allow-headers')).toContain('x-api-key')
        expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
        const answer = await post(click(), { origin: 'https://shop.example' })
        expect(answer.status).toBe(202)
        expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example')
        expect(answer.headers.get('vary')).toBe('origin')
      })

      it('get no permission where no key names them', async () => {
        const { get } = await rig()
        const preflight = await get(
          '/v1/events',
          { origin: 'https://evil.example', 'x-api-key': undefined },
          'OPTIONS',
        )
        expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
      })
    })

    describe('what can be read', () => {
      it('GET / is a page with a command and a link to the status page', async () => {
        const { get } = await rig({
          statusUrl: 'http://127.0.0.1:4310/',
          example: { path: '/v1/events', body: click() },
        })
        const { status, headers, text } = await get('/', { 'x-api-key': undefined })
        expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
        expect(text).toContain('curl -i http://localhost/v1/events')
        expect(text).toContain('X-Api-Key: pk_demo')
        // To be copied as it stands.
        expect(text).toContain(`-d '${click()}'`)
        expect(text).toContain('<a href="http://127.0.0.1:4310/">')
        expect(text.split('\n').length).toBeLessThanOrEqual(12)
      })

      it('GET /v1/limits shows what is in force', async () => {
        const { get } = await rig({ limits: { maxEvents: 7 } })
        const { json } = await get('/v1/limits')
        expect(json).toMatchObject({ limits: { maxEvents: 7 }, durability, dedup })
      })

      it('HEAD is answered like GET, without a body', async () => {
        const { get } = await rig()
        const { status, text } = await get('/v1/limits', {}, 'HEAD')
        expect([status, text]).toEqual([200, ''])
      })
    })
  })
}

function sameIdAs(type: string): string {
  return JSON.stringify({ type, id: 'e1', source: '/s', data: 1 })
}

import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { rig, type Answer, type Rig } from '../../test/harness/collector.ts'
import type { ProblemCode } from './problems.ts'

interface Row {
  readonly name: string
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Record<string, string | undefined>
  readonly path?: string
  readonly method?: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail?: RegExp
}

const good = { type: 'click', data: { campaignId: 'c1' } }
const text = (value: unknown): string => JSON.stringify(value)
const withId = (id: unknown): string => text({ ...good, id })
const cloudEvent = { specversion: '1.0', id: 'e1', source: '/s', ...good }
const asCloudEvent = { 'content-type': 'application/cloudevents+json' }
const gzip = { 'content-encoding': 'gzip' }

/** Limits small enough that a row can pass them. */
const limits = {
  maxEventBytes: 1024,
  maxBodyBytes: 4096,
  maxInflatedBytes: 100_000,
  maxEvents: 3,
  maxUrlBytes: 200,
}

const rows: readonly Row[] = [
  // hazards 4 and 9: what cannot be parsed, and what is too much
  { name: 'an empty body', body: '', status: 400, code: 'malformed_json' },
  { name: 'half an object', body: text(good).slice(0, -1), status: 400, code: 'malformed_json' },
  { name: 'an object and more', body: `${text(good)}x`, status: 400, code: 'malformed_json' },
  { name: 'two objects', body: text(good) + text(good), status: 400, code: 'malformed_json' },
  {
    name: 'an array with one broken element',
    body: `[${text(good)},{"type":}]`,
    status: 400,
    code: 'malformed_json',
  },
  { name: 'an array with a comma at its end', body: `[${text(good)},]`, status: 400, code: 'malformed_json' },
  { name: 'single quotes', body: "{'type':'click'}", status: 400, code: 'malformed_json' },
  {
    name: 'bytes that are not UTF-8',
    body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    status: 400,
    code: 'malformed_json',
  },
  {
    name: 'an overlong UTF-8 sequence',
    body: new Uint8Array([0x22, 0xc0, 0xaf, 0x22]),
    status: 400,
    code: 'malformed_json',
  },
  { name: 'an empty array', body: '[]', status: 400, code: 'no_events' },
  { name: 'gzip that is none', body: 'plain', headers: gzip, status: 400, code: 'encoding_broken' },
  {
    name: 'gzip that is cut',
    body: new Uint8Array(gzipSync(text(good)).subarray(0, -4)),
    headers: gzip,
    status: 400,
    code: 'encoding_broken',
  },
  {
    name: 'deflate that is gzip',
    body: new Uint8Array(gzipSync(text(good))),
    headers: { 'content-encoding': 'deflate' },
    status: 400,
    code: 'encoding_broken',
  },
  { name: 'a body above the limit', body: ' '.repeat(4097), status: 413, code: 'body_too_large' },
  {
    name: 'a body that says it is above the limit',
    body: text(good),
    headers: { 'content-length': '4097' },
    status: 413,
    code: 'body_too_large',
  },
  {
    name: 'hazard 9: a gzip bomb by size',
    body: new Uint8Array(
      gzipSync(JSON.stringify(Array.from({ length: 7_000 }, (_, i) => ({ n: i % 500, x: 'abcd' })))),
    ),
    headers: gzip,
    status: 413,
    code: 'inflate_limit',
    detail: /100000 bytes/,
  },
  {
    name: 'hazard 9: a gzip bomb by ratio',
    body: new Uint8Array(gzipSync(' '.repeat(99_000))),
    headers: gzip,
    status: 413,
    code: 'inflate_limit',
    detail: /100 times/,
  },
  {
    name: 'hazard 9: a deep array',
    body: text({ ...good, data: JSON.parse('['.repeat(33) + ']'.repeat(33)) }),
    status: 413,
    code: 'too_deep',
  },
  {
    name: 'an event above the limit',
    body: text({ ...good, data: 'x'.repeat(1024) }),
    status: 413,
    code: 'event_too_large',
  },
  { name: 'too many events', body: text([good, good, good, good]), status: 413, code: 'too_many_events' },
  {
    name: 'a URL above the limit',
    path: `/v1/events?x=${'x'.repeat(200)}`,
    body: text(good),
    status: 414,
    code: 'uri_too_long',
  },
  // media types and encodings
  {
    name: 'no content type',
    body: text(good),
    headers: { 'content-type': '' },
    status: 415,
    code: 'media_type_unsupported',
  },
  {
    name: 'a form',
    body: 'a=1',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'media_type_unsupported',
  },
  {
    name: 'text/plain, which pages may send without asking',
    body: text(good),
    headers: { 'content-type': 'text/plain' },
    status: 415,
    code: 'media_type_unsupported',
  },
  {
    name: 'another charset',
    body: text(good),
    headers: { 'content-type': 'application/json; charset=utf-16' },
    status: 415,
    code: 'media_type_unsupported',
  },
  {
    name: 'brotli',
    body: text(good),
    headers: { 'content-encoding': 'br' },
    status: 415,
    code: 'encoding_unsupported',
  },
  {
    name: 'gzip twice',
    body: text(good),
    headers: { 'content-encoding': 'gzip, gzip' },
    status: 415,
    code: 'encoding_unsupported',
  },
  // the form of an event
  { name: 'a number', body: '1', status: 422, code: 'event_invalid' },
  { name: 'null', body: 'null', status: 422, code: 'event_invalid' },
  { name: 'no type', body: text({ data: {} }), status: 422, code: 'event_invalid', detail: /type/ },
  {
    name: 'a type that is a number',
    body: text({ ...good, type: 1 }),
    status: 422,
    code: 'event_invalid',
    detail: /type/,
  },
  { name: 'no data', body: text({ type: 'click' }), status: 422, code: 'event_invalid', detail: /data/ },
  {
    name: 'the payload beside the attributes',
    body: text({ type: 'click', campaignId: 'c1' }),
    status: 422,
    code: 'event_invalid',
    detail: /"campaignId".*data/,
  },
  {
    name: 'a CloudEvent as plain JSON',
    body: text(cloudEvent),
    status: 422,
    code: 'event_invalid',
    detail: /cloudevents\+json/,
  },
  {
    name: 'a tenant in the body',
    body: text({ ...good, tenant: 't2' }),
    status: 422,
    code: 'event_invalid',
    detail: /tenant/,
  },
  {
    name: 'a time that is none',
    body: text({ ...good, time: 'yesterday' }),
    status: 422,
    code: 'event_invalid',
    detail: /time/,
  },
  {
    name: 'a version of 0',
    body: text({ ...good, version: 0 }),
    status: 422,
    code: 'event_invalid',
    detail: /version/,
  },
  {
    name: 'hazard S6: a line break in the source',
    body: text({ ...good, source: 'a\r\nhf-at: 1' }),
    status: 422,
    code: 'event_invalid',
    detail: /source/,
  },
  {
    name: 'a time two days ahead',
    body: text({ ...good, time: new Date(Date.now() + 2 * 86_400_000).toISOString() }),
    status: 422,
    code: 'time_in_future',
  },
  {
    name: 'a Collector-Sent-At that is no time',
    body: text(good),
    headers: { 'collector-sent-at': 'soon' },
    status: 422,
    code: 'event_invalid',
  },
  ...['undefined', 'null', 'NaN', '[object Object]', '', 'x'.repeat(129), 'a\nb', 5, null, {}].map(
    (id): Row => ({ name: `the id ${text(id)}`, body: withId(id), status: 422, code: 'id_invalid' }),
  ),
  {
    name: 'an Idempotency-Key too long',
    body: text(good),
    headers: { 'idempotency-key': 'x'.repeat(257) },
    status: 422,
    code: 'id_invalid',
  },
  // CloudEvents
  {
    name: 'a CloudEvent of another version',
    body: text({ ...cloudEvent, specversion: '0.3' }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
  },
  {
    name: 'a CloudEvent without id',
    body: text({ ...cloudEvent, id: undefined }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
    detail: /id/,
  },
  {
    name: 'a CloudEvent without source',
    body: text({ ...cloudEvent, source: undefined }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
    detail: /source/,
  },
  {
    name: 'a CloudEvent with XML',
    body: text({ ...cloudEvent, datacontenttype: 'text/xml' }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
  },
  {
    name: 'a CloudEvent with data twice',
    body: text({ ...cloudEvent, data_base64: 'e30=' }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
  },
  {
    name: 'a CloudEvent with base64 that is none',
    body: text({ ...cloudEvent, data: undefined, data_base64: '*' }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
  },
  {
    name: 'a CloudEvent whose base64 nests too deep',
    body: text({
      ...cloudEvent,
      data: undefined,
      data_base64: Buffer.from('['.repeat(33) + ']'.repeat(33)).toString('base64'),
    }),
    headers: asCloudEvent,
    status: 413,
    code: 'too_deep',
  },
  {
    name: 'a CloudEvent whose base64 is not UTF-8',
    body: text({
      ...cloudEvent,
      data: undefined,
      data_base64: Buffer.from([0x22, 0xff, 0x22]).toString('base64'),
    }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
  },
  {
    name: 'an attribute name with a dash',
    body: text({ ...cloudEvent, 'hf-at': '1' }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
  },
  {
    name: 'an attribute with a line break',
    body: text({ ...cloudEvent, region: 'a\r\nb' }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
  },
  {
    name: 'an attribute that is an object',
    body: text({ ...cloudEvent, region: {} }),
    headers: asCloudEvent,
    status: 422,
    code: 'event_invalid',
  },
  // hazards 8 and S8: text that harms later
  {
    name: 'hazard 8: a NUL',
    body: text({ ...good, data: { campaignId: 'a\u0000' } }),
    status: 422,
    code: 'text_unstorable',
  },
  {
    name: 'hazard 8: half a surrogate pair',
    body: '{"type":"click","data":{"campaignId":"\\ud800"}}',
    status: 422,
    code: 'text_unstorable',
  },
  {
    name: 'hazard 8: a NUL that a repeated name hides',
    body: '{"type":"click","data":{"campaignId":"\\u0000","campaignId":"c1"}}',
    status: 422,
    code: 'text_unstorable',
  },
  {
    name: 'hazard S8: __proto__',
    body: '{"type":"click","data":{"campaignId":"c1","__proto__":{"admin":true}}}',
    status: 422,
    code: 'name_forbidden',
  },
  {
    name: 'hazard S8: __proto__ in escapes',
    body: '{"type":"click","data":{"campaignId":"c1","\\u005f_proto__":{"admin":true}}}',
    status: 422,
    code: 'name_forbidden',
  },
  {
    name: 'hazard S8: __proto__ as an attribute',
    body: '{"type":"click","__proto__":{"data":1},"data":{"campaignId":"c1"}}',
    status: 422,
    code: 'name_forbidden',
  },
  {
    name: 'hazard S8: constructor.prototype',
    body: '{"type":"click","data":{"campaignId":"c1","constructor":{"prototype":{"admin":true}}}}',
    status: 422,
    code: 'name_forbidden',
  },
  // topic and schema
  {
    name: 'an unknown type',
    body: text({ ...good, type: 'clik' }),
    status: 404,
    code: 'type_unknown',
    detail: /click, impression, note/,
  },
  {
    name: "another tenant's type",
    body: text({ ...good, type: 'secret' }),
    status: 404,
    code: 'type_unknown',
  },
  {
    name: 'a type named like a method of objects',
    body: text({ ...good, type: 'toString' }),
    status: 404,
    code: 'type_unknown',
  },
  {
    name: 'data that does not fit the schema',
    body: text({ type: 'click', data: { campaignId: 1 } }),
    status: 422,
    code: 'schema_violation',
  },
  {
    name: 'a version that nobody reads',
    body: text({ ...good, version: 2 }),
    status: 422,
    code: 'schema_violation',
    detail: /version 2/,
  },
  {
    name: 'an empty key field',
    body: text({ type: 'click', data: { campaignId: '' } }),
    status: 422,
    code: 'key_field_invalid',
  },
  {
    name: 'a topic that is not there',
    path: '/v1/topics/nothing/events',
    body: text(good),
    status: 404,
    code: 'topic_unknown',
  },
  {
    name: "hazard S5: another tenant's topic",
    path: '/v1/topics/foreign/events',
    body: text(good),
    status: 404,
    code: 'topic_unknown',
  },
  {
    name: 'a topic that another key of the tenant has',
    path: '/v1/topics/events.raw/events',
    headers: { 'x-api-key': 'sk_notes' },
    body: text(good),
    status: 403,
    code: 'topic_forbidden',
  },
  {
    name: 'a topic named like a method of objects',
    path: '/v1/topics/__proto__/events',
    body: text(good),
    status: 404,
    code: 'topic_unknown',
  },
  // keys
  {
    name: 'hazard S4: no key',
    headers: { 'x-api-key': undefined },
    body: text(good),
    status: 401,
    code: 'key_missing',
  },
  {
    name: 'hazard S4: an empty key',
    headers: { 'x-api-key': '' },
    body: text(good),
    status: 401,
    code: 'key_unknown',
  },
  {
    name: 'hazard S4: an unknown key',
    headers: { 'x-api-key': 'pk_demo2' },
    body: text(good),
    status: 401,
    code: 'key_unknown',
  },
  {
    name: 'hazard S4: a key named like a method of objects',
    headers: { 'x-api-key': 'constructor' },
    body: text(good),
    status: 401,
    code: 'key_unknown',
  },
  {
    name: 'hazard S4: a secret key in the URL',
    path: '/v1/events?key=sk_notes',
    headers: { 'x-api-key': undefined },
    body: text(good),
    status: 401,
    code: 'key_unknown',
  },
  {
    name: 'hazard S4: another origin',
    headers: { origin: 'https://evil.example' },
    body: text(good),
    status: 403,
    code: 'origin_forbidden',
  },
  {
    name: 'hazard S2: a demo key under a name that was made to point here',
    headers: { host: 'evil.example' },
    body: text(good),
    status: 401,
    code: 'key_unknown',
  },
  // paths and methods
  { name: 'an unknown path', path: '/v1/event', body: text(good), status: 404, code: 'not_found' },
  { name: 'a slash at the end', path: '/v1/events/', body: text(good), status: 404, code: 'not_found' },
  {
    name: 'a broken percent sequence',
    path: '/v1/topics/%zz/events',
    body: text(good),
    status: 404,
    code: 'not_found',
  },
  {
    name: 'a method named like a method of objects',
    method: 'constructor',
    body: text(good),
    status: 405,
    code: 'method_not_allowed',
  },
  { name: 'PUT', method: 'PUT', body: text(good), status: 405, code: 'method_not_allowed' },
  { name: 'GET of events', method: 'GET', status: 405, code: 'method_not_allowed' },
  { name: 'POST of limits', path: '/v1/limits', body: text(good), status: 405, code: 'method_not_allowed' },
]

describe('bad requests', () => {
  let r: Rig
  beforeAll(async () => {
    r = await rig({ limits })
  })

  it('start from one that is good', async () => {
    const fresh = await rig({ limits })
    expect((await fresh.post(text(good))).status).toBe(202)
    expect((await fresh.post(text(cloudEvent), asCloudEvent)).status).toBe(202)
    expect(await fresh.stored()).toHaveLength(2)
  })

  it.each(rows)('$name: $status $code and an untouched log', async row => {
    const r = await rig({ limits })
    const answer = await send(r, row)
    expect({ status: answer.status, code: answer.json?.code, text: answer.text }).toMatchObject({
      status: row.status,
      code: row.code,
    })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.json).toMatchObject({ type: `urn:holdfast:problem:${row.code}`, status: row.status })
    if (row.detail) expect(answer.json.detail).toMatch(row.detail)
    expect(await r.stored()).toEqual([])
  })

  it('hazard S8: leave Object.prototype as it was', () => {
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
  })

  it('hazard S4: are what a demo key is where the sender cannot be seen', async () => {
    const { post, stored } = await rig({ plainKeysByFetch: false })
    expect((await post(text(good))).json.code).toBe('key_unknown')
    expect(await stored()).toEqual([])
  })

  it('name the methods, the encodings, and how to authenticate in headers', async () => {
    expect((await r.get('/v1/events')).headers.get('allow')).toBe('POST, OPTIONS')
    expect((await r.post(text(good), { 'content-encoding': 'br' })).headers.get('accept-encoding')).toBe(
      'gzip, deflate',
    )
    expect((await r.post(text(good), { 'x-api-key': 'nobody' })).headers.get('www-authenticate')).toBe(
      'Bearer',
    )
  })

  it('say which fields do not fit', async () => {
    const { json } = await r.post(text({ type: 'click', data: { campaignId: 1, cents: 'x' } }))
    expect(json.faults).toEqual([
      { pointer: '/campaignId', detail: expect.any(String) },
      { pointer: '/cents', detail: expect.any(String) },
    ])
  })

  it('list only the types that the key may send', async () => {
    const unknown = await r.post(text({ ...good, type: 'nothing' }))
    expect(unknown.json.types).toEqual(['click', 'impression', 'note'])
    const notes = await r.post(text({ ...good, type: 'nothing' }), { 'x-api-key': 'sk_notes' })
    expect(notes.json.types).toEqual(['note'])
  })
})

describe('hazard 8: a corpus of nasty strings', () => {
  const nasty = [
    ...['\ud800', '\udfff', 'a\ud800b', '\udc00\ud800', '\u0000', 'a\u0000b'].map(s => ({
      s,
      storable: false,
    })),
    ...[
      '\u0001',
      '\u007f',
      '\u2028',
      '\ufeff',
      '\uffff',
      '😀',
      '‮',
      'é',
      'e\u0301',
      "'; drop table x; --",
      '\\u0000',
      '%00',
      '${7*7}',
      '<script>alert(1)</script>',
      '\t\r\n',
      'NULL',
      '1e999',
      ' ',
    ].map(s => ({ s, storable: true })),
  ]
  it.each(nasty)('$s: stored as sent, or refused', async ({ s, storable }) => {
    const { post, stored } = await rig()
    const data = JSON.stringify({ campaignId: 'c1', note: s })
    const answer = await post(`{"type":"click","data":${data}}`)
    expect(answer.status).toBe(storable ? 202 : 422)
    const payloads = (await stored()).map(event => Buffer.from(event.data ?? []).toString())
    expect(payloads).toEqual(storable ? [data] : [])
  })

  it('passes them on when told so', async () => {
    const { post } = await rig({ unstorableText: 'pass' })
    expect((await post('{"type":"click","data":{"campaignId":"c1","note":"\\u0000\\ud800"}}')).status).toBe(
      202,
    )
  })
})

async function send(
  r: Rig,
  { body, headers = {}, path = '/v1/events', method = 'POST' }: Row,
): Promise<Answer> {
  if (method === 'POST') return await r.post(body ?? '', headers, path)
  return await r.get(path, headers, method)
}

it('has no two rows of one name', () => {
  const names = rows.map(({ name }) => createHash('md5').update(name).digest('hex'))
  expect(new Set(names).size).toBe(names.length)
})

/**
 * Everything the collector can refuse, in one table. It makes the RFC 9457 answers and `docs/collector-problems.md`.
 */
interface ProblemEntry {
  readonly status: number
  /** One sentence, the same for every occurrence. */
  readonly title: string
  /** Whether the same request may succeed later, unchanged. */
  readonly retryable: boolean
  /** What the sender, or who runs the collector, should do. */
  readonly advice: string
}

const table = {
  malformed_request: {
    status: 400,
    title: 'The request is not HTTP as it should be',
    retryable: false,
    advice: 'Look at the client or proxy that wrote it: its framing or a header line is broken.',
  },
  malformed_json: {
    status: 400,
    title: 'The body is not JSON',
    retryable: false,
    advice:
      'Send UTF-8 JSON: one object, an array of objects, or with application/x-ndjson one object a line.',
  },
  encoding_broken: {
    status: 400,
    title: 'The compressed body cannot be unpacked',
    retryable: false,
    advice: 'Check that Content-Encoding names what the body is, and that the whole stream was sent.',
  },
  body_incomplete: {
    status: 400,
    title: 'The body broke off',
    retryable: true,
    advice:
      'Send the whole request again. Nothing is stored from an incomplete body but NDJSON lines named in the answer.',
  },
  no_events: {
    status: 400,
    title: 'The body holds no event',
    retryable: false,
    advice: 'Send at least one event.',
  },
  key_missing: {
    status: 401,
    title: 'The request names no key',
    retryable: false,
    advice:
      'Send the key as Authorization: Bearer KEY or X-Api-Key: KEY; a publishable key also as ?key=KEY.',
  },
  key_unknown: {
    status: 401,
    title: 'The key is not known here',
    retryable: false,
    advice: 'Check the key. Demo keys work only on the machine itself, under its own name (localhost).',
  },
  origin_forbidden: {
    status: 403,
    title: 'Pages of this origin may not use the key',
    retryable: false,
    advice: 'Add the origin to the origins of the key. Secret keys do not belong into pages.',
  },
  topic_forbidden: {
    status: 403,
    title: 'The key may not use this topic',
    retryable: false,
    advice: 'Use a key that names the topic, or add the topic to this key.',
  },
  event_forbidden: {
    status: 403,
    title: "The topic's own check forbids the event",
    retryable: false,
    advice: 'The detail is what the check said.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing at this path',
    retryable: false,
    advice: 'Events are posted to /v1/events or /v1/topics/{topic}/events.',
  },
  topic_unknown: {
    status: 404,
    title: 'The topic does not exist',
    retryable: false,
    advice: 'Check the name; topics are declared in the app and never made by a request.',
  },
  type_unknown: {
    status: 404,
    title: 'No topic of this key has events of this type',
    retryable: false,
    advice: 'The list types names what the key may send. Check the spelling, or deploy the new type first.',
  },
  receipt_unknown: {
    status: 404,
    title: 'There is no such receipt',
    retryable: false,
    advice:
      'Check the receipt. It is also unknown once the event was deleted by retention, or some time after it left the spool.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The path does not take this method',
    retryable: false,
    advice: 'The Allow header names the methods.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    retryable: true,
    advice: 'Send again. The limits page names the time limits.',
  },
  id_conflict: {
    status: 409,
    title: 'An event with this id and another content was accepted before',
    retryable: false,
    advice: 'An id names one event for ever: give the new event an id of its own. The first one is kept.',
  },
  event_conflict: {
    status: 409,
    title: "The topic's own check finds the event in conflict",
    retryable: false,
    advice: 'The detail is what the check said.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    retryable: false,
    advice: 'Split it, or send it as application/x-ndjson. The limit is in the answer.',
  },
  inflate_limit: {
    status: 413,
    title: 'The body unpacks to too much',
    retryable: false,
    advice: 'Split it. Size and ratio have a limit so that a small body cannot fill the memory.',
  },
  too_many_events: {
    status: 413,
    title: 'The request holds too many events',
    retryable: false,
    advice: 'Split it, or send it as application/x-ndjson. The limit is in the answer.',
  },
  event_too_large: {
    status: 413,
    title: 'The event is too large',
    retryable: false,
    advice: 'Put large content elsewhere and send a reference. The limit is in the answer.',
  },
  too_deep: {
    status: 413,
    title: 'The event nests too deep',
    retryable: false,
    advice: 'Flatten it. The limit is in the answer.',
  },
  uri_too_long: {
    status: 414,
    title: 'The URL is too long',
    retryable: false,
    advice: 'Put content into the body. The limit is in the answer.',
  },
  media_type_unsupported: {
    status: 415,
    title: 'The content type is not one that is read here',
    retryable: false,
    advice: 'Send application/json, application/x-ndjson or application/cloudevents+json, in UTF-8.',
  },
  encoding_unsupported: {
    status: 415,
    title: 'The content encoding is not one that is read here',
    retryable: false,
    advice: 'Send the body plain, or with gzip or deflate.',
  },
  event_invalid: {
    status: 422,
    title: 'The event is not in the form that is read here',
    retryable: false,
    advice: 'Correct the named member.',
  },
  id_invalid: {
    status: 422,
    title: 'The id cannot name an event',
    retryable: false,
    advice: 'Send 1 to 128 printable characters that are unique to the event, or leave the id out.',
  },
  text_unstorable: {
    status: 422,
    title: 'The event holds text that databases refuse',
    retryable: false,
    advice: 'Remove \\u0000 and halves of surrogate pairs, which PostgreSQL does not take as JSON.',
  },
  name_forbidden: {
    status: 422,
    title: 'The event has a member name that can poison objects',
    retryable: false,
    advice: 'Rename __proto__ and prototype below constructor.',
  },
  schema_violation: {
    status: 422,
    title: 'The event does not fit the schema of its type',
    retryable: false,
    advice: 'Correct the fields that the pointers name.',
  },
  key_field_invalid: {
    status: 422,
    title: "The fields that make the event's key are empty or missing",
    retryable: false,
    advice: 'Send every key field of the topic as a non-empty string or number.',
  },
  time_in_future: {
    status: 422,
    title: 'The time of the event lies in the future',
    retryable: false,
    advice: "Set the sender's clock, or send its time in Collector-Sent-At so that it is corrected.",
  },
  event_refused: {
    status: 422,
    title: "The topic's own check refuses the event",
    retryable: false,
    advice: 'The detail is what the check said.',
  },
  events_refused: {
    status: 422,
    title: 'None of the events was accepted',
    retryable: false,
    advice: 'Each has its own reason in errors.',
  },
  rate_limited: {
    status: 429,
    title: 'The key or its tenant sends more than it may',
    retryable: true,
    advice: 'Wait as long as Retry-After says, then send again with the same ids.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    retryable: false,
    advice: 'Send fewer or shorter headers. The limit is on the limits page.',
  },
  internal_error: {
    status: 500,
    title: 'The collector met an error of its own',
    retryable: true,
    advice: 'Send again with the same id; whether it was stored is not known. The process log has the cause.',
  },
  not_stored: {
    status: 503,
    title: 'There is no durable place for the event now, and nothing was stored',
    retryable: true,
    advice: 'Wait as long as Retry-After says, then send again with the same id.',
  },
  outcome_unknown: {
    status: 503,
    title: 'The event may or may not have been stored',
    retryable: true,
    advice: 'Send again with the same id: if it was stored, it is recognised. Ids made here are in errors.',
  },
} as const satisfies Record<string, ProblemEntry>

export type ProblemCode = keyof typeof table

/** The catalogue, for documentation. */
export const problemCatalogue: Readonly<Record<ProblemCode, ProblemEntry>> = table

/** One refusal: of a whole request, or of one event of several. */
export interface Problem {
  readonly code: ProblemCode
  /** What was found, in this case. */
  readonly detail: string
  /** JSON pointers into the payload, one for each fault. */
  readonly faults?: readonly { readonly pointer: string; readonly detail: string }[]
  /** The bound that was passed. */
  readonly limit?: number
  /** When to try again, milliseconds. */
  readonly retryAfterMs?: number
  /** Further members of the answer, such as the list of known types. */
  readonly facts?: Readonly<Record<string, unknown>>
}

/** Carries the refusal of a whole request up to where it is answered. Never leaves the collector. */
export class RequestRefused extends Error {
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>

  constructor(problem: Problem, headers: Readonly<Record<string, string>> = {}) {
    super(problem.detail)
    this.problem = problem
    this.headers = headers
  }
}

/** The members of RFC 9457 and ours: `code`, `retryable`, `retryAfterMs`, `limit`. */
export function problemBody(problem: Problem): Record<string, unknown> {
  const { status, title, retryable } = table[problem.code]
  return {
    type: `urn:holdfast:problem:${problem.code}`,
    title,
    status,
    detail: problem.detail,
    code: problem.code,
    retryable,
    ...(problem.retryAfterMs === undefined ? {} : { retryAfterMs: problem.retryAfterMs }),
    ...(problem.limit === undefined ? {} : { limit: problem.limit }),
    ...(problem.faults === undefined ? {} : { faults: problem.faults }),
    ...problem.facts,
  }
}

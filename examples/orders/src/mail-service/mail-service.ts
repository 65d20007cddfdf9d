import { randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener } from 'node:http'
import { text } from 'node:stream/consumers'

/** What {@link mailService} keeps of each mail: a line of JSON in its file. */
export interface SentMail<Mail = unknown> {
  /** The `Idempotency-Key` of the request, or one of its own. */
  readonly key: string
  readonly mail: Mail
}

/**
 * A mail service such as one can buy, with a switch: it "sends" by writing a line into a file, and takes a mail whose
 * `Idempotency-Key` it knows without sending it again. It knows nothing of Holdfast.
 *
 *   POST /mails        202, or 200 for a mail that it has sent before
 *   GET  /mails        all that were sent, one a line
 *   GET  /healthz      200
 *   POST /off, /on     the switch: off answers 503 to everything above but the list
 */
export function mailService(file: string): RequestListener {
  const sent = new Set(readSent(file).map(({ key }) => key))
  let isOn = true
  return (req, res) => {
    void answer(req).then(
      ({ status, body = '' }) => res.writeHead(status, { 'content-type': 'text/plain' }).end(body),
      () => res.writeHead(400).end(), // no JSON, or a sender that went away
    )
  }

  async function answer(req: IncomingMessage): Promise<{ status: number; body?: string }> {
    switch (`${req.method} ${req.url}`) {
      case 'GET /mails':
        return { status: 200, body: existsSync(file) ? readFileSync(file, 'utf8') : '' }
      case 'POST /off':
      case 'POST /on':
        isOn = req.url === '/on'
        return { status: 200, body: `the mail service is ${isOn ? 'on' : 'off'}\n` }
      case 'GET /healthz':
        return { status: isOn ? 200 : 503 }
      case 'POST /mails':
        return { status: isOn ? send(keyOf(req), await text(req)) : 503 }
      default:
        return { status: 404 }
    }
  }

  function send(key: string, body: string): number {
    const mail: unknown = JSON.parse(body)
    if (sent.has(key)) return 200
    appendFileSync(file, `${JSON.stringify({ key, mail } satisfies SentMail)}\n`)
    sent.add(key)
    return 202
  }
}

/** Who gives none wants each sent. */
function keyOf({ headers: { 'idempotency-key': key } }: IncomingMessage): string {
  return key === undefined ? randomUUID() : String(key)
}

/** What an earlier run has sent. A line that a `kill -9` cut off was not answered, so it was not sent. */
function readSent(file: string): SentMail[] {
  if (!existsSync(file)) return []
  const kept = readFileSync(file, 'utf8')
  const whole = kept.slice(0, kept.lastIndexOf('\n') + 1)
  if (whole !== kept) writeFileSync(file, whole)
  return sentMails(whole)
}

/** The mails out of an answer to `GET /mails`. */
export function sentMails<Mail>(list: string): SentMail<Mail>[] {
  const lines = list.split('\n').filter(line => line !== '')
  return lines.map(line => JSON.parse(line) as SentMail<Mail>)
}

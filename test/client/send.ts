import { request, type Agent } from 'node:http'

export interface Answer {
  readonly outcome: 'accepted' | 'refused' | 'unanswered'
  /** The status, or the code of what went wrong. */
  readonly why: string
  /** What an accepted event survives, as the server says. */
  readonly durability?: string | undefined
}

export interface Sending {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeoutMs: number
  readonly agent: Agent
}

/** Posts once and says what is known of the event afterwards. Never rejects. */
export function send({ url, headers, body, timeoutMs, agent }: Sending): Promise<Answer> {
  return new Promise(resolve => {
    const post = request(url, { method: 'POST', agent, headers })
    const timer = setTimeout(() => post.destroy(new CodedError('TIMEOUT')), timeoutMs)
    const settle = (answer: Answer): void => {
      clearTimeout(timer)
      resolve(answer)
    }
    post.on('response', response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('error', error => settle(failed(error)))
      response.on('end', () => {
        const durability = response.headers['collector-durability']?.toString()
        settle({ ...answered(response.statusCode ?? 0, text), durability })
      })
    })
    post.on('error', error => settle(failed(error)))
    post.end(body)
  })
}

class CodedError extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/** A redirect is a refusal: a browser's beacon or a webhook would lose the event there. */
function answered(status: number, text: string): Answer {
  if (status >= 200 && status < 300) return { outcome: 'accepted', why: String(status) }
  if (status >= 300 && status < 500) return { outcome: 'refused', why: String(status) }
  // Only a server that says so has kept nothing.
  if (status === 503 && /"not_stored"/i.test(text)) return { outcome: 'refused', why: '503 not_stored' }
  return { outcome: 'unanswered', why: String(status) }
}

function failed(error: Error): Answer {
  const code = 'code' in error ? String(error.code) : error.message
  return { outcome: code === 'ECONNREFUSED' ? 'refused' : 'unanswered', why: code }
}

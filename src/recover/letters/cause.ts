import { sha256 } from '../../event/index.ts'
import type { Failure } from '../failure.ts'

/** What letters died of, in words and as a fingerprint: equal for letters that died of the same thing. */
export interface Cause {
  /** 12 hexadecimal digits, made of the three below. */
  readonly id: string
  /** Why the event was given up (`attempts`, `decode`, `schema` …), and the code or class of the error. */
  readonly error: string
  /** The message without what differs from event to event. */
  readonly message: string
  /** The first line of the stack that is the app's own; empty where there is none. */
  readonly place: string
}

export function causeOf(reason: string, { name, code, message, stack }: Failure): Cause {
  const error = `${reason}: ${code ?? name}`
  const words = normalised(message)
  const place = placeOf(stack)
  const id = sha256([error, words, place].join('\n'))
  return { id: id.toString('hex').slice(0, 12), error, message: words, place }
}

/** Quoted values first: what they hold must not be taken apart. */
function normalised(message: string): string {
  return message
    .replaceAll(/"[^"]*"|'[^']*'|`[^`]*`/g, '…')
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f-]{27,}\b/gi, '…')
    .replaceAll(/\d+/g, '#')
}

/**
 * Function and file, without line and column, which move with every deployment, and with the last two parts of the path
 * only: the folder of a release has its number in it.
 */
function placeOf(stack: string | undefined): string {
  const frame = stack?.split('\n').find(line => /^\s+at /.test(line) && !/node:|node_modules/.test(line))
  if (frame === undefined) return ''
  const [, name = '', file = ''] = /^\s+at (?:(.+?) \()?(.*?)\)?$/.exec(frame) ?? []
  const path = file
    .replace(/\?[^:)]*/, '')
    .replaceAll(/:\d+/g, '')
    .split(/[/\\]/)
    .slice(-2)
    .join('/')
  return name === '' ? path : `${name} (${path})`
}

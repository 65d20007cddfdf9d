/** A mail as the mail service wants it: it makes the text from a template and its data. */
export interface Mail {
  readonly to: string
  readonly template: 'welcome' | 'order' | 'receipt'
  /** What it is about: the id of the user's or the order's event. */
  readonly about: string
  readonly data: unknown
}

/** The mail service, asked over HTTP. */
export interface Mailer {
  /**
   * Resolves when the service has taken the mail. `key` is the same for every sending of one mail. Throws
   * {@link MailServiceAway}, and another error when it takes no such mail.
   */
  send(mail: Mail, key: string, signal: AbortSignal): Promise<void>
  /** Resolves when it works. */
  probe(signal: AbortSignal): Promise<void>
}

/** It gave no answer, or one that says nothing about the mail. */
export class MailServiceAway extends Error {}

export function mailerAt(url: string): Mailer {
  const ask = async (path: string, init: RequestInit, signal: AbortSignal): Promise<void> => {
    const timely = AbortSignal.any([signal, AbortSignal.timeout(2_000)])
    const answer = await fetch(`${url}${path}`, { ...init, signal: timely }).catch((cause: unknown) => {
      throw new MailServiceAway(`no answer from ${url}`, { cause })
    })
    // Whoever reads no body keeps the connection from the next request.
    await answer.arrayBuffer().catch(() => {})
    if (answer.status >= 500) throw new MailServiceAway(`${url} answered ${answer.status}`)
    if (!answer.ok) throw new Error(`the mail service answered ${answer.status}`)
  }
  return {
    send: (mail, key, signal) =>
      ask(
        '/mails',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': key },
          body: JSON.stringify(mail),
        },
        signal,
      ),
    probe: signal => ask('/healthz', {}, signal),
  }
}

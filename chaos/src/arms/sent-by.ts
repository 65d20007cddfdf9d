import { sentMails, type SentMail } from '../../../examples/orders/src/mail-service/mail-service.ts'

/** What the mail service says that it has sent, in that order. */
export async function sentBy<Mail>(mailUrl: string): Promise<SentMail<Mail>[]> {
  const answer = await fetch(`${mailUrl}/mails`, { signal: AbortSignal.timeout(30_000) })
  if (!answer.ok) throw new Error(`the mail service answered ${answer.status}`)
  return sentMails(await answer.text())
}

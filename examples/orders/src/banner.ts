import { version } from 'holdfast/server'

export interface ShopUrls {
  readonly shopUrl: string
  readonly statusUrl: string
  readonly mailUrl: string
}

/** Where things are, and what to try. Every command in it is run by a test. */
export function banner({ shopUrl, statusUrl, mailUrl }: ShopUrls): string {
  const post = (path: string, body: string): string =>
    `try:  curl -i ${shopUrl}${path} -H 'Content-Type: application/json' -H 'X-Api-Key: pk_demo' -d '${body}'`
  const lines = [
    `Holdfast ${version}, the orders example`,
    `Shop          ${shopUrl}   202 as soon as the order is on disk`,
    `Mail service  ${mailUrl}   another process, with a switch`,
    `Status        ${statusUrl}   a page, open it`,
    post('/users', '{"customer":"ada@example.com","name":"Ada"}'),
    post('/orders', '{"customer":"ada@example.com","item":"lamp","cents":1999}'),
    `try:  curl -s ${mailUrl}/mails`,
    `try:  curl -X POST ${mailUrl}/off   # breaks the mail service; orders are taken, paid and reserved all the same`,
    `try:  curl -X POST ${mailUrl}/on   # and every mail that waited is sent once`,
    'Ctrl-C stops.',
  ]
  return `\n${lines.map(line => `  ${line}\n`).join('')}\n`
}

import { connect } from 'node:net'

/** ApiVersions, version 0, correlation id 1, without a client id: the one request that every broker answers to everybody. */
const request = Buffer.from('0000000a0012000000000001ffff', 'hex')

/** Whether a broker listens there and answers a request of the protocol, on a listener without TLS. */
export function kafkaAnswers(host: string, port: number, limitMs: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, host)
    let got = Buffer.alloc(0)
    const end = (answers: boolean): void => {
      socket.destroy()
      resolve(answers)
    }
    socket.setTimeout(limitMs, () => end(false))
    socket.on('connect', () => socket.write(request))
    socket.on('error', () => end(false)).on('end', () => end(false))
    socket.on('data', (piece: Buffer) => {
      got = Buffer.concat([got, piece])
      // length, correlation id, error code
      if (got.length >= 10) end(got.readInt32BE(4) === 1 && got.readInt16BE(8) === 0)
    })
  })
}

import { createServer } from 'node:http'
import { expect, it } from 'vitest'
import { listen } from './listen.ts'

it('a taken port is refused with the port, the process that has it, and the variable that changes it', async () => {
  const first = createServer()
  const port = await listen(first, { host: '127.0.0.1', port: 0, setBy: 'HOLDFAST_PORT' })
  try {
    expect(port).toBeGreaterThan(0)
    await expect(
      listen(createServer(), { host: '127.0.0.1', port, setBy: 'HOLDFAST_PORT' }),
    ).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      detail: expect.stringMatching(
        new RegExp(
          `^port ${port} on 127\\.0\\.0\\.1 is taken by process ${process.pid} \\(.*node.*\\); ` +
            `choose another by HOLDFAST_PORT, for example HOLDFAST_PORT=\\d+$`,
        ),
      ),
    })
  } finally {
    await new Promise(resolve => first.close(resolve))
  }
})

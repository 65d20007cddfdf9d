import path from 'node:path'
import type { StartDependency } from '../../contract/arm.ts'
import { startProcess } from '../process/arm-process.ts'
import { ownModule } from '../process/own-module.ts'
import { startNode } from './kafka.ts'

/** What arms may need beside the database, by name. */
export const dependencies: Readonly<Record<string, StartDependency>> = {
  cache: starter('cache'),
  mail: starter('mail'),
  kafka: startNode,
}

function starter(name: string): StartDependency {
  return async ({ folder, signal }) => {
    const module = path.join(import.meta.dirname, `${name}.ts`)
    const settings = { file: path.join(folder, `${name}.ndjson`) }
    const running = await startProcess(ownModule({ name, module, settings, folder }))
    if (signal.aborted) await running.stop()
    signal.throwIfAborted()
    return Object.assign(running, { url: `http://127.0.0.1:${running.ports['port']}` })
  }
}

import { Option, type Command } from 'commander'
import { exitCode } from '../exit-code.ts'
import type { CliIo } from '../io.ts'
import { settingsNow, wrongSettings, type SettingNow } from '../settings.ts'
import { table } from '../table.ts'
import { targetOf } from '../target/target.ts'

interface ShowOptions {
  readonly origin?: boolean
  readonly output: 'table' | 'json'
}

/** `holdfast config …`: what environment and files say, and what holds where they say nothing. */
export function addConfig(program: Command, io: CliIo, ended: (code: number) => void): void {
  const config = program
    .command('config')
    .description('settings of the environment, of the project and of contexts')

  config
    .command('show')
    .option('--origin', 'with where each comes from: environment, project file, context or default')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'),
    )
    .description('print every setting as it is now; secrets only as set or not')
    .action(({ origin, output }: ShowOptions) => {
      const now = [...settingsNow(io.env), targetNow(io)]
      if (output === 'json') return io.out(`${JSON.stringify({ format: 1, settings: now }, undefined, 2)}\n`)
      const rows = now.map(one => [
        one.name,
        one.value ?? '-',
        ...(origin === true ? [one.origin] : []),
        one.about,
      ])
      io.out(table(['name', 'value', ...(origin === true ? ['origin'] : []), 'what it is'], rows))
    })

  config
    .command('validate')
    .description('check every setting; exit code 7 when one cannot work or is not known')
    .action(() => {
      const wrong = [...wrongSettings(io.env), ...wrongFiles(io)]
      for (const line of wrong) io.out(`${line}\n`)
      if (wrong.length > 0) ended(exitCode.checkFailed)
      else io.err('all settings can work\n')
    })
}

/** What the nearest of all says: whom commands ask that are not told. */
function targetNow(io: CliIo): SettingNow {
  const target = targetOf({}, io)
  const value = target.kind === 'log' ? (target.app ?? target.folder) : target.url
  const named =
    target.kind === 'process' && target.context !== undefined ? ` (context ${target.context})` : ''
  return {
    name: 'asks',
    value: value + named,
    origin: target.origin,
    about: 'whom commands of operations ask',
  }
}

function wrongFiles(io: CliIo): string[] {
  try {
    targetOf({}, io)
    return []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

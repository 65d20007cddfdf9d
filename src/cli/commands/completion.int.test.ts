import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { runCli } from '../program.ts'

async function script(shell: string): Promise<{ code: number; out: string }> {
  let out = ''
  const code = await runCli(['completion', shell], { out: text => (out += text), err: () => {}, env: {} })
  return { code, out }
}

/** What a TAB behind these words offers, in a real bash. */
function offered(completion: string, ...words: readonly string[]): string[] {
  const tab = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; printf "%s\\n" "${COMPREPLY[@]}"'
  const said = execFileSync('bash', ['-c', `${completion}\n${tab}`, 'bash', 'holdfast', ...words], {
    encoding: 'utf8',
  })
  return said.split('\n').filter(word => word !== '')
}

it('completes commands and their options in bash, also behind options that were given', async () => {
  const { code, out } = await script('bash')
  expect(code).toBe(0)
  expect(offered(out, 'gr')).toEqual(['group'])
  expect(offered(out, 'group', 're')).toEqual(['resume', 'reset', 'rename'])
  expect(offered(out, 'group', 'reset', '--to-')).toEqual([
    '--to-time',
    '--to-offset',
    '--to-start',
    '--to-end',
  ])
  expect(offered(out, 'dlq', 'replay', '--rate', '5/s', '--dry')).toEqual(['--dry-run'])
  // The name of a group that is the name of a command as well is no command there.
  expect(offered(out, 'group', 'describe', 'list', '--out')).toEqual(['--output'])
  expect(offered(out, 'no', 'such', '')).toContain('topic')
})

it('gives zsh the same, and refuses a shell that it does not know', async () => {
  const { out } = await script('zsh')
  expect(out).toBe(
    `autoload -U +X compinit bashcompinit && compinit && bashcompinit\n${(await script('bash')).out}`,
  )
  expect((await script('csh')).code).toBe(2)
})

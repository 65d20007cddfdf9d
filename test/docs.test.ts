import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const pages = [
  'README.md',
  'DESIGN.md',
  'docs/adopt.md',
  'docs/choose.md',
  'docs/experiment.md',
  'docs/operate.md',
  'examples/campaigns/README.md',
  'examples/drivers/README.md',
  'examples/orders/README.md',
]
const sources = globSync('src/**/*.ts', { cwd: root })
const named = [...sources, ...globSync('chaos/src/**/*.ts', { cwd: root })]

/** The page, and the heading in it that the link may name. */
function isThere(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#')
  const target = path === '' ? join(root, page) : join(root, dirname(page), path)
  if (!existsSync(target)) return false
  return heading === undefined || headingsOf(readFileSync(target, 'utf8')).includes(heading)
}

function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe.each(pages)('%s', page => {
  const text = readFileSync(join(root, page), 'utf8')

  it('links only to what is there', () => {
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
    const broken = links.filter(link => !/^https?:/.test(link) && !isThere(page, link))
    expect(broken).toEqual([])
  })

  it('names only source files that are there', () => {
    const mentioned = [...text.matchAll(/`([a-z/.-]+\.ts)`/g)].map(([, name = '']) => name)
    const missing = mentioned.filter(
      name => !named.some(file => file === name || file.endsWith(`/${name}`)) && name !== 'app.ts',
    )
    expect(missing).toEqual([])
  })

  it('names only npm scripts that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const run = [...text.matchAll(/npm run (?:--silent )?([a-z:-]+)/g)].map(([, name = '']) => name)
    expect(run.filter(name => !(name in scripts))).toEqual([])
  })
})

it('every room of src/ is on the map of DESIGN.md', () => {
  const map = readFileSync(join(root, 'DESIGN.md'), 'utf8')
  const rooms = new Set(
    sources
      .filter(file => file.split('/').length > 2)
      .map(file =>
        file
          .split('/')
          .slice(1, file.includes('/drivers/') ? 3 : 2)
          .join('/'),
      ),
  )
  expect(rooms.size).toBeGreaterThan(10)
  expect([...rooms].filter(room => !map.includes(`\`${room}/\``) && !map.includes(`\`${room}\``))).toEqual([])
})

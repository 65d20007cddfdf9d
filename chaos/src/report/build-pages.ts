import path from 'node:path'
import { build, type Rolldown } from 'vite'
import type { PageName } from './page-bundle.ts'

const pages: readonly PageName[] = ['report', 'live']

/** Builds the pages with Vite: for each, `NAME.js` (one classic script) and `NAME.css`. `sources`: chaos/page. */
export async function buildPages(sources: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const page of pages) {
    for (const output of await bundle(sources, page)) {
      if (output.type === 'chunk') files[`${page}.js`] = output.code
      else if (output.fileName.endsWith('.css')) files[`${page}.css`] = String(output.source)
    }
  }
  return files
}

async function bundle(sources: string, page: PageName): Promise<Rolldown.RolldownOutput['output']> {
  const result = await build({
    root: sources,
    configFile: false,
    logLevel: 'error',
    mode: 'production',
    resolve: { conditions: ['holdfast-source', 'browser', 'module', 'import', 'default'] },
    // The same text whatever NODE_ENV this process has.
    define: { 'process.env.NODE_ENV': '"production"' },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
    build: {
      write: false,
      target: 'es2023',
      cssTarget: 'chrome123',
      modulePreload: false,
      cssCodeSplit: false,
      rolldownOptions: {
        input: path.join(sources, page, 'main.tsx'),
        output: { format: 'iife', name: 'page' },
      },
    },
  })
  if (Array.isArray(result) || !('output' in result))
    throw new TypeError('Vite built something else than one page')
  return result.output
}

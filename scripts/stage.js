// Puts together in dist/package what is published: the build, the command, and a package.json without what only a
// checkout needs (sources as a condition, workspaces, scripts, development dependencies).
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const stage = path.join(root, 'dist', 'package')

rmSync(stage, { recursive: true, force: true })
const built = readdirSync(path.join(root, 'dist'))
mkdirSync(stage, { recursive: true })
for (const name of ['bin', 'LICENSE', 'README.md', 'CHANGELOG.md']) {
  cpSync(path.join(root, name), path.join(stage, name), { recursive: true })
}
for (const name of built) {
  cpSync(path.join(root, 'dist', name), path.join(stage, 'dist', name), { recursive: true })
}

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
for (const field of ['scripts', 'devDependencies', 'workspaces', 'allowScripts']) delete manifest[field]
for (const entry of Object.values(manifest.exports)) delete entry['holdfast-source']
writeFileSync(path.join(stage, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)

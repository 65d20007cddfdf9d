import process from 'node:process'

/** As package.json states it; a test compares them. */
const WANTED = '^22.22.0 || >=24.6.0'

/** What is wrong with a version of Node, in one sentence. Undefined when nothing is. */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if ((major === 22 && minor >= 22) || (major === 24 && minor >= 6) || major > 24) return undefined
  return `holdfast: needs Node ${WANTED}, this is ${version}. Install a newer Node from https://nodejs.org`
}

// Imported first by every entry: an older Node would load the rest and fail somewhere in the middle of an event.
const problem = nodeProblem(process.versions.node)
if (problem !== undefined) throw Object.assign(new Error(problem), { stack: problem })

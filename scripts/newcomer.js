import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import process from 'node:process'

/**
 * The variables of somebody who never used npm on this machine: an empty HOME, made here, and no cache, so that every
 * package comes from the registry. How that is reached (a mirror, a proxy, a certificate) stays as it is.
 */
export function newcomer(home) {
  mkdirSync(home)
  return {
    HOME: home,
    npm_config_cache: path.join(home, '.npm'),
    npm_config_userconfig: process.env.npm_config_userconfig ?? path.join(homedir(), '.npmrc'),
  }
}

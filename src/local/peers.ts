import { createRequire } from 'node:module'
import { KustoUsageError } from '../errors.ts'

/** The optional packages that the embedded Kusto is built on, in the versions it is tested with. */
const LANGUAGE = '@kusto/language-service-next@12.4.1'
const ENGINE = '@duckdb/node-api@1.5.5-r.5'
const STORAGE = 'azurite@3.35.0'

/**
 * Checks that everything is installed before anything is started, so that one message names all that is missing.
 *
 * @throws {KustoUsageError} LOCAL_PEER_MISSING
 */
export function requirePeers(options: { readonly storage: boolean }): void {
  const needed = options.storage ? [LANGUAGE, ENGINE, STORAGE] : [LANGUAGE, ENGINE]
  const missing = needed.filter((peer) => !isInstalled(peer.slice(0, peer.lastIndexOf('@'))))
  if (missing.length === 0) return
  throw new KustoUsageError(
    'LOCAL_PEER_MISSING',
    `the embedded Kusto needs packages that are not installed: npm install --save-dev ${missing.join(' ')}`,
  )
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(`${name}/package.json`)
    return true
  } catch {
    // Not installed, or not where this package looks for it: the message tells what to do about either.
    return false
  }
}

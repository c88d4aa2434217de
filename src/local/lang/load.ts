import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { runInThisContext } from 'node:vm'

import { KustoUsageError } from '../../errors.ts'
import type { LanguageRuntime } from './bridge.ts'

const PACKAGE = '@kusto/language-service-next'
const VERSION = '12.4.1'

/**
 * Loads the official Kusto parser inside a private function scope, so that no global is added.
 *
 * The two minified files are scripts that write `Bridge`, `System` and `Kusto` to a global object; they get a fake one.
 *
 * @throws {KustoUsageError} LOCAL_PEER_MISSING when the package is not installed.
 */
export async function loadLanguageRuntime(): Promise<LanguageRuntime> {
  const directory = packageDirectory()
  const [runtime, language] = await Promise.all([
    readFile(path.join(directory, 'bridge.min.js'), 'utf8'),
    readFile(path.join(directory, 'Kusto.Language.Bridge.min.js'), 'utf8'),
  ])
  const accessors = ['Bridge', 'System', 'Kusto']
    .map((name) => `Object.defineProperty(global,'${name}',{get:()=>${name},set:(v)=>{${name}=v}});`)
    .join('')
  const source = `(function(){var Bridge,System,Kusto,module={exports:{}};
var global={console,setTimeout,clearTimeout,setInterval,clearInterval};${accessors}
${runtime};
${language};
return {Bridge,Kusto}})`
  const factory: unknown = runInThisContext(source, { filename: 'kusto-language-service.js' })
  if (typeof factory !== 'function') throw new TypeError('the Kusto parser did not load')
  const loaded = factory.call({}) as LanguageRuntime
  return loaded
}

/** Fails early, on the caller's thread, when the parser is not installed. */
export function requireLanguagePackage(): void {
  packageDirectory()
}

function packageDirectory(): string {
  try {
    return path.dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`))
  } catch (error) {
    throw new KustoUsageError(
      'LOCAL_PEER_MISSING',
      `the embedded Kusto needs the package ${PACKAGE}: run \`npm install ${PACKAGE}@${VERSION}\``,
      { cause: error },
    )
  }
}

import { parentPort } from 'node:worker_threads'

import { createAnalyzer } from './analyzer.ts'
import { loadLanguageRuntime } from './load.ts'
import type { LanguageReply, LanguageRequest } from './messages.ts'
import { skipPartialCommands } from './skip-partial-commands.ts'

const port = parentPort
if (port === null) throw new Error('the language worker must run in a worker thread')

const runtime = await loadLanguageRuntime()
skipPartialCommands(runtime)
const analyzer = createAnalyzer(runtime)
// The first query and the first command build their grammars, 0.5 s each: pay before anybody waits.
analyzer.analyze('print x = 1 | where x > 0 | summarize count() by x', { database: 'warm' })
analyzer.analyze('.show tables', { database: 'warm' })

port.on('message', (request: LanguageRequest) => {
  if (request.kind === 'databases') {
    analyzer.setDatabases(request.databases)
    return
  }
  reply(answer(request))
})
reply({ kind: 'ready' })

function answer(request: LanguageRequest & { kind: 'analyze' }): LanguageReply {
  try {
    return { kind: 'analysis', id: request.id, analysis: analyzer.analyze(request.text, request.scope) }
  } catch (error) {
    const known = error instanceof Error ? error : new Error(String(error))
    return { kind: 'failure', id: request.id, message: known.message, stack: known.stack ?? '' }
  }
}

function reply(message: LanguageReply): void {
  port?.postMessage(message)
}

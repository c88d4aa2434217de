import { expect, it } from 'vitest'
import { SUPPORTED_COMMANDS } from '../../src/local/commands/command-table.ts'
import { POLICIES } from '../../src/local/engine/policies.ts'
import { FORMATS } from '../../src/local/ingest/formats.ts'
import { AGGREGATES } from '../../src/local/kql/aggregates.ts'
import { CONTEXT_FUNCTIONS } from '../../src/local/kql/context-functions.ts'
import { PLUGINS } from '../../src/local/kql/plugins.ts'
import { SCALAR_FUNCTIONS } from '../../src/local/kql/scalar-functions.ts'
import { OPERATORS } from '../../src/local/kql/tabular.ts'
import { WINDOW_FUNCTIONS } from '../../src/local/kql/window-names.ts'

const list = (names: Iterable<string>): string =>
  [...new Set(names)]
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => `\`${name}\``)
    .join(' ')

it('the support matrix in docs is what the dispatch tables hold (npx vitest run test/local/support-matrix.test.ts -u writes it)', async () => {
  const page = `# Embedded Kusto: what it supports

This page is generated from the dispatch tables of \`src/local/\`; a test keeps it true. What is not listed is answered with HTTP
400, code \`BadRequest_NotSupportedByEmulator\`, and the name of the feature. A listed operator or function may still reject a
parameter or a combination of types, in the same way.

## Tabular operators (names of the parser's syntax nodes)

${list(OPERATORS.keys())}

## Plugins of \`evaluate\`

${list(PLUGINS.keys())}

## Window functions

${list(WINDOW_FUNCTIONS)}

## Scalar functions (${new Set([...SCALAR_FUNCTIONS.keys(), ...CONTEXT_FUNCTIONS.keys()]).size})

${list([...SCALAR_FUNCTIONS.keys(), ...CONTEXT_FUNCTIONS.keys()])}

## Aggregate functions (${AGGREGATES.size})

${list(AGGREGATES.keys())}

## Management commands (names of the parser's command symbols)

${list(SUPPORTED_COMMANDS)}

## Policies, stored and shown

${list(POLICIES.keys())}

## Ingestion formats

${list(Object.keys(FORMATS))}
`
  await expect(page).toMatchFileSnapshot('../../docs/embedded-kusto-support.md')
})

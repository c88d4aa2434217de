import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { cliPageParts, withParts } from './cli-page.ts'

const PAGE = new URL('../../docs/cli.md', import.meta.url)

it('docs/cli.md has every command, flag, format and exit code as the tables of the program have them', () => {
  const page = readFileSync(PAGE, 'utf8')
  const current = withParts(page)
  // UPDATE_CLI_PAGE=1 writes the page anew after a change of the tables.
  if (process.env['UPDATE_CLI_PAGE'] === '1') writeFileSync(PAGE, current)
  else expect(page).toBe(current)
  for (const name of cliPageParts().keys()) expect(page).toContain(`<!-- ${name} -->\n`)
})

import { beforeAll, expect, it } from 'vitest'
import { createAnalyzer } from '../../../src/local/lang/analyzer.ts'
import type { LanguageRuntime } from '../../../src/local/lang/bridge.ts'
import { loadLanguageRuntime } from '../../../src/local/lang/load.ts'
import { skipPartialCommands } from '../../../src/local/lang/skip-partial-commands.ts'

const ID = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

/** Whole ones, and beginnings of commands, wrong ends, and none at all. */
const TEXTS: readonly (readonly [text: string, isWhole: boolean])[] = [
  ['.show tables', true],
  ['.show tables | where TableName startswith "a" | count', true],
  [".create-merge table ['my table'] (a:long, ['b c']:string) with (folder='x')", true],
  [`.move async extents from table A to table B (${ID})`, true],
  ['.set-or-append T <| range n from 1 to 3 step 1 | extend m = n', true],
  ['.ingest inline into table T <| 1,2\n3,4', true],
  ['.export async compressed to parquet (h"https://a/b;key") with (sizeLimit=1) <| T | take 5', true],
  ['.', false],
  ['.show', false],
  ['.create table', false],
  ['.show tables nonsense', false],
  [`.show operations ${ID} of mine`, false],
  ['.move async extents from table A', false],
  ['.no such command at all', false],
]

let plain: LanguageRuntime
let quick: LanguageRuntime

beforeAll(async () => {
  plain = await loadLanguageRuntime()
  quick = await loadLanguageRuntime()
})

it('analyses commands, whole ones and others, as the parser does by itself, and looks for parts only in the others', () => {
  const { PartialParser } = quick.Kusto.Language.Parsing
  const scan = PartialParser.ScanPartialBest
  let scans = 0
  PartialParser.ScanPartialBest = (...args) => {
    scans++
    return scan.apply(PartialParser, args)
  }
  skipPartialCommands(quick)
  const [expected, found] = [createAnalyzer(plain), createAnalyzer(quick)]
  const scope = { database: 'D' }
  for (const [text, isWhole] of TEXTS) {
    scans = 0
    expect(found.analyze(text, scope), text).toEqual(expected.analyze(text, scope))
    expect(scans === 0, text).toBe(isWhole)
  }
})

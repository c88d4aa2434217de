import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Language, startLanguage } from '../../../src/local/lang/language.ts'
import type { CommandAnalysis, QueryAnalysis } from '../../../src/local/lang/syntax.ts'

let language: Language
const scope = { database: 'db1' }

beforeAll(async () => {
  language = await startLanguage()
  language.setDatabases([
    {
      name: 'db1',
      tables: [
        {
          name: 'T',
          columns: [
            { name: 'a', type: 'long' },
            { name: 's', type: 'string' },
          ],
        },
      ],
    },
  ])
})
afterAll(() => language.close())

async function query(text: string): Promise<QueryAnalysis> {
  const analysis = await language.analyze(text, scope)
  if (analysis.kind !== 'query') throw new Error('not a query')
  return analysis
}

async function command(text: string): Promise<CommandAnalysis> {
  const analysis = await language.analyze(text, scope)
  if (analysis.kind !== 'command') throw new Error('not a command')
  return analysis
}

describe('a query', () => {
  it('gets the column names and types of the official binder', async () => {
    expect((await query('T | summarize count(), dcount(s) by bin(a, 5)')).columns).toEqual([
      { name: 'a', type: 'long' },
      { name: 'count_', type: 'long' },
      { name: 'dcount_s', type: 'long' },
    ])
  })

  it('reports an unknown table with its place', async () => {
    expect((await query('Nope | count')).diagnostics).toMatchObject([
      { severity: 'error', code: 'KS204', start: 0, length: 4 },
    ])
  })

  it('has no known columns when the data decides them', async () => {
    expect((await query('print d = dynamic({}) | evaluate bag_unpack(d)')).columns).toBeUndefined()
  })

  it('sees tables that belong to one text only', async () => {
    const extra = { name: 'Extra', columns: [{ name: 'x', type: 'guid' as const }] }
    const analysis = await language.analyze('Extra | project x', { ...scope, extraTables: [extra] })
    expect(analysis).toMatchObject({ kind: 'query', columns: [{ name: 'x', type: 'guid' }], diagnostics: [] })
    expect((await query('Extra | project x')).diagnostics).not.toEqual([])
  })

  it.each([
    ['operators', `print x = 1 ${'| where x == 1 '.repeat(2_000)}`],
    ['operands', `print ${Array(20_000).fill('1').join('+')}`],
  ])(
    'that nests too deeply in %s is an error',
    async (_, text) => {
      expect((await query(text)).diagnostics).toMatchObject([{ severity: 'error', code: 'KS245' }])
      expect((await query('print 1')).diagnostics).toEqual([])
    },
    60_000,
  )

  it('sees the new catalog after it changed', async () => {
    const other = await startLanguage()
    expect(await other.analyze('New', scope)).toMatchObject({ diagnostics: [{ code: 'KS142' }] })
    other.setDatabases([{ name: 'db1', tables: [{ name: 'New', columns: [{ name: 'n', type: 'int' }] }] }])
    expect(await other.analyze('New', scope)).toMatchObject({ columns: [{ name: 'n', type: 'int' }] })
    await other.close()
    await expect(other.analyze('New', scope)).rejects.toMatchObject({ code: 'LOCAL_CLOSED' })
  })
})

describe('a management command', () => {
  it('is named and its arguments come unquoted', async () => {
    const text = '.create-merge table X (a:long, ["b c"]:string) with (folder="x y")'
    const analysis = await command(text)
    expect(analysis).toMatchObject({ form: 'CustomCommand', name: 'CreateMergeTable' })
    expect(analysis.arguments.map((each) => [each.label, each.value])).toEqual([
      ['TableName', 'X'],
      ['ColumnName', 'a'],
      ['ColumnType', 'long'],
      ['ColumnName', 'b c'],
      ['ColumnType', 'string'],
      ['PropertyName', 'folder'],
      ['PropertyValue', 'x y'],
    ])
  })

  it('gives the place of its query', async () => {
    const text = '.set-or-append async X <| T | where a > 1'
    const analysis = await command(text)
    expect(text.slice(analysis.query!.start, analysis.query!.end)).toBe('T | where a > 1')
    expect(analysis.words).toContain('async')
  })

  it('gives the place of inline data', async () => {
    const text = '.ingest inline into table T <| 1,x'
    const analysis = await command(text)
    expect(text.slice(analysis.query!.start, analysis.query!.end).trim()).toBe('1,x')
  })

  it('gives the place of what it is piped into, and the columns of the command itself', async () => {
    const text = '.show tables | where TableName == "T" | count'
    const analysis = await command(text)
    expect(text.slice(analysis.pipe!.start, analysis.pipe!.end).trim()).toBe('where TableName == "T" | count')
    expect(analysis.resultColumns?.map((each) => each.name)).toEqual([
      'TableName',
      'DatabaseName',
      'Folder',
      'DocString',
    ])
  })

  it('is told apart when the grammar understood only a part or nothing', async () => {
    expect(await command('.rename tables A=T ifexists, C=T')).toMatchObject({
      form: 'CommandAndSkippedTokens',
      name: 'RenameTables',
    })
    expect(await command('.get ingestion resources')).toMatchObject({
      form: 'UnknownCommand',
      name: undefined,
      words: ['get', 'ingestion', 'resources'],
    })
  })
})

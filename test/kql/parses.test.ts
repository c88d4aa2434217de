import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { kql, name, secret, text, type Kql } from '../../src/kql/kql.ts'
import * as audit from '../../src/kql/commands/audit-commands.ts'
import * as exports_ from '../../src/kql/commands/export-commands.ts'
import * as extents from '../../src/kql/commands/extent-commands.ts'
import * as ingest from '../../src/kql/commands/ingest-commands.ts'
import * as operations from '../../src/kql/commands/operation-commands.ts'
import * as policies from '../../src/kql/commands/policy-commands.ts'
import * as streaming from '../../src/kql/commands/streaming-commands.ts'
import { executeDatabaseScript } from '../../src/kql/commands/script-commands.ts'
import * as tables from '../../src/kql/commands/table-commands.ts'
import { and, col } from '../../src/kql/filter.ts'
import { appendOperators } from '../../src/kql/query-text.ts'
import { loadMicrosoftParser, type MicrosoftParser } from './microsoft-parser.ts'

let parser: MicrosoftParser
beforeAll(() => {
  parser = loadMicrosoftParser()
})

const ID = '74be27de-1e4e-49d9-b579-fe0b331d3642'

/** Documented commands that the parser does not know; everything else has to parse. */
const UNKNOWN_TO_THE_PARSER: readonly Kql[] = [
  operations.getIngestionResources(),
  operations.getKustoIdentityToken(),
  exports_.showExportContainers(),
  policies.refreshBatchingPolicy('D', 'T'),
]

/** Every builder, with the strings that must come back from the parser unchanged. */
function commands(table: string, value: string): readonly (readonly [Kql, readonly string[]])[] {
  const columns = [
    { name: table, type: 'long' as const },
    { name: 'where', type: 'dynamic' as const },
  ]
  const mapping = {
    name: value,
    kind: 'json' as const,
    columns: [{ column: table, datatype: 'long', properties: { Path: value } }],
  }
  const blob = `https://account.blob.core.windows.net/container?${value}`
  const query = kql`T | where S == ${value}`
  const window = { from: new Date(0), to: new Date(1_700_000_000_123) }
  const noAutoDelete = ['ingestionbatching', 'streamingingestion', 'retention', 'merge', 'update'] as const
  return [
    [
      tables.createTable(table, columns, { folder: value, docString: value, hidden: true }),
      [table, table, value, value],
    ],
    [tables.createMergeTable(table, columns), [table, table]],
    [tables.alterMergeTable(table, columns), [table, table]],
    [tables.dropTable(table), [table]],
    [tables.showTableSchemaJson(table), [table]],
    [tables.showTableDetails(table), [table]],
    [tables.showTables(), []],
    [tables.showVersion(), []],
    [tables.clearStreamingSchemaCache(table), [table]],
    [streaming.clearDatabaseStreamingSchemaCache(), []],
    [
      audit.createDistinctViewCommand(table, { table, streamColumn: 'S', rowColumn: 'R' }),
      [table, table, table, 'S', 'R'],
    ],
    ...(['streamingingestion', 'ingestionbatching'] as const).flatMap((policy) =>
      // The parser knows one database.
      [{ kind: 'table', table } as const, { kind: 'database', database: 'db1' } as const].flatMap(
        (entity): readonly (readonly [Kql, readonly string[]])[] => {
          const named = entity.kind === 'table' ? table : entity.database
          return [
            [streaming.showIngestionPolicy(entity, policy), [named]],
            [streaming.alterIngestionPolicy(entity, policy, { a: value }), [named, JSON.stringify({ a: value })]],
            [streaming.deleteIngestionPolicy(entity, policy), [named]],
          ]
        },
      ),
    ),
    [
      exports_.exportCommand({
        format: 'parquet',
        to: [blob, `https://other/c;${value}`],
        query,
        properties: {
          namePrefix: value,
          compressionType: 'zstd',
          distribution: 'per_node',
          sizeLimit: 1_000_000_000,
          parquetRowGroupSize: 50_000,
          parquetDatetimePrecision: 'microsecond',
          persistDetails: true,
          useNativeParquetWriter: false,
        },
      }),
      [blob, `https://other/c;${value}`, value, value],
    ],
    [
      exports_.exportCommand({
        format: 'csv',
        to: [blob],
        query,
        compressed: false,
        properties: { includeHeaders: 'firstFile', encoding: 'UTF8BOM', fileExtension: value },
      }),
      [blob, value, value],
    ],
    [exports_.createTempStorage(), []],
    [operations.showOperation(ID), []],
    [operations.showOperationDetails(ID), []],
    [operations.cancelOperation(ID), []],
    [operations.cancelOperation(ID, value), [value]],
    [operations.cancelQuery(value), [value]],
    [ingest.createIngestionMapping(table, mapping), [table, value, ingest.mappingJson(mapping.columns)]],
    [ingest.showIngestionMapping(table, mapping), [table, value]],
    [ingest.showTableIngestionMappings(table), [table]],
    // The parser knows one database.
    [ingest.showDatabaseIngestionMappings('db1'), ['db1']],
    [ingest.dropIngestionMapping(table, mapping), [table, value]],
    [
      ingest.ingestIntoCommand({
        table,
        from: [blob],
        properties: { format: 'csv', tags: value, ignoreFirstRecord: true },
      }),
      [table, blob, value],
    ],
    [ingest.ingestIntoCommand({ table, from: [blob, blob], async: true }), [table, blob, blob]],
    [extents.showExtents(table), [table]],
    [extents.showExtentsWithTag(table, value), [table, value]],
    [extents.moveExtents(table, 'T'), [table]],
    [extents.moveExtents(table, 'T', { setNewIngestionTime: true }), [table]],
    [extents.dropExtents(table, [ID, ID]), [table]],
    [extents.dropExtentTags(table, [value, 'T']), [table, value]],
    [extents.moveExtentsById({ from: table, to: 'T', extentIds: [ID, ID], window }), [table]],
    [extents.replaceExtents({ from: table, to: 'T', extentIds: [ID, ID], dropIds: [ID, ID], window }), [table, table]],
    [
      executeDatabaseScript([
        tables.createTable(table, columns, { hidden: true, docString: value }),
        policies.alterTablePolicy(table, 'auto_delete', { a: value }),
        policies.alterMergeTablePolicy(table, 'merge', { a: value }),
      ]),
      [table, table, value, table, JSON.stringify({ a: value }), table, JSON.stringify({ a: value })],
    ],
    [tables.showTablesWithHidden(), []],
    [tables.alterTableDocString(table, value), [table, value]],
    [policies.showTablePolicy(table, 'auto_delete'), [table]],
    [policies.alterTablePolicy(table, 'auto_delete', { a: value }), [table, JSON.stringify({ a: value })]],
    ...noAutoDelete.flatMap((policy) => [
      [policies.alterTablePolicy(table, policy, { a: value }), [table, JSON.stringify({ a: value })]] as const,
      [policies.alterMergeTablePolicy(table, policy, { a: value }), [table, JSON.stringify({ a: value })]] as const,
    ]),
  ]
}

const nasty = fc.oneof(
  fc.constantFrom(
    `'`,
    `"`,
    `\\`,
    `\\'`,
    `";drop`,
    '//',
    '<|',
    '\r\n',
    '\t',
    '\u2028',
    '`'.repeat(3),
    `']`,
    '\0',
    '😀',
    '\u00a0',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
)
const nastyText = fc.array(nasty, { maxLength: 4 }).map((parts) => parts.join(''))
const nastyName = nastyText.filter((value) => value.length > 0)

function check(command: Kql, table: string, strings: readonly string[]): void {
  const parsed = parser.parse(command.text, [
    { name: 'T', columns: [{ name: 'S', type: 'string' }] },
    {
      name: table,
      columns: [
        { name: 'S', type: 'string' },
        { name: 'R', type: 'long' },
      ],
    },
  ])
  expect([parsed.diagnostics, parsed.form], command.text).toEqual([[], 'CustomCommand'])
  expect(
    parsed.strings.filter((found) => !KNOWN_STRINGS.has(found)),
    command.text,
  ).toEqual(strings.filter((expected) => !KNOWN_STRINGS.has(expected)))
}
const KNOWN_STRINGS: ReadonlySet<string> = new Set([
  'T',
  'where',
  'zstd',
  'per_node',
  'microsecond',
  'firstFile',
  'UTF8BOM',
  'csv',
])

describe('generated commands in the official grammar', () => {
  test('every builder gives a whole command with its strings unchanged', () => {
    const table = `it's "my" \\table`
    for (const [command, strings] of commands(table, `a"b'c\\d\n//e\u2028f`)) check(command, table, strings)
  }, 300_000)

  test('so it does for generated names and values', () => {
    const picks = commands('x', 'y').length
    fc.assert(
      fc.property(nastyName, nastyText, fc.nat(picks - 1), (table, value, pick) => {
        const [command, strings] = commands(table, value)[pick]!
        check(command, table, strings)
      }),
      { numRuns: 15 },
    )
  }, 300_000)

  test('the commands the parser does not know are these and no others', () => {
    for (const command of UNKNOWN_TO_THE_PARSER) {
      expect(['UnknownCommand', 'PartialCommand']).toContain(parser.parse(command.text).form)
    }
  })
})

describe('quoting in the official grammar', () => {
  test('any text survives as a string literal, plain and obfuscated', () => {
    fc.assert(
      fc.property(nastyText, (value) => {
        const parsed = parser.parse(`print ${text(value).text}, ${secret(value).text}`)
        expect(parsed.diagnostics).toEqual([])
        expect(parsed.strings).toEqual([value, value])
      }),
      { numRuns: 300 },
    )
  })

  test('any name finds its column', () => {
    fc.assert(
      fc.property(nastyName, (column) => {
        const parsed = parser.parse(`T | project ${name(column).text}`, [
          { name: 'T', columns: [{ name: column, type: 'guid' }] },
        ])
        expect(parsed.diagnostics).toEqual([])
        expect(parsed.resultTypes).toEqual(['guid'])
      }),
      { numRuns: 200 },
    )
  })

  test('literals have the type they were made with, at the limits too', () => {
    const scalars = [
      kql.bool(true),
      kql.bool(null),
      kql.int(-(2 ** 31)),
      kql.int(null),
      kql.long(-(2n ** 63n)),
      kql.long(2n ** 63n - 1n),
      kql.real(NaN),
      kql.real(Infinity),
      kql.real(-Infinity),
      kql.real(-0),
      kql.real(5e-324),
      kql.real(1e300),
      kql.real(null),
      kql.decimal('-1.50'),
      kql.decimal('1e5'),
      kql.decimal(null),
      kql.string(''),
      kql.guid(ID),
      kql.guid(null),
      kql.datetime(0n),
      kql.datetime(3_155_378_975_999_999_999n),
      kql.datetime(new Date(0)),
      kql.datetime(null),
      kql.timespan(-(2n ** 63n)),
      kql.timespan(2n ** 63n - 1n),
      kql.timespan(-1n),
      kql.timespan(null),
      kql.dynamic({ a: [1, null, 'x"\b', 2n ** 63n] }),
      kql.dynamic(null),
      kql.dynamic('plain'),
      kql.dynamic([]),
    ]
    for (const scalar of scalars) {
      const inPlace = parser.parse(`print ${scalar.literal}`)
      expect([inPlace.diagnostics, inPlace.resultTypes], scalar.literal).toEqual([[], [scalar.type]])
      const declared = parser.parse(kql`print ${scalar}`.render().text)
      expect([declared.diagnostics, declared.resultTypes], scalar.literal).toEqual([[], [scalar.type]])
    }
  })

  test('JSON of any shape is a dynamic literal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const parsed = parser.parse(`print ${kql.dynamic(value).literal}`)
        expect([parsed.diagnostics, parsed.resultTypes]).toEqual([[], ['dynamic']])
      }),
      { numRuns: 200 },
    )
  })

  test('a dynamic literal holds what rows of objects hold: maps as objects, and no sets', () => {
    const value = {
      map: new Map<unknown, unknown>([
        [1, 2n ** 63n],
        ['b', new Map()],
      ]),
      big: { toJSON: () => 2n ** 63n },
    }
    expect(kql.dynamic(value).literal).toBe(
      'dynamic({"map":{"1":9223372036854775808,"b":{}},"big":9223372036854775808})',
    )
    expect(() => kql.dynamic([new Set([1])])).toThrow(expect.objectContaining({ code: 'KUSTO_BAD_LITERAL' }))
  })

  test('a dynamic literal may hold a text of any length', () => {
    const text = 'x'.repeat(10_000_000)
    expect(kql.dynamic({ text }).literal === `dynamic({"text":"${text}"})`).toBe(true)
  })

  test('filters bind to their columns', () => {
    const when = kql.datetime(0n)
    const filter = and(
      col('a b').gt(12).or(col('a b').isNull()),
      col(`q'`).in(['x', null]).not(),
      col(`q'`).startsWith(`"`).and(col(`q'`).containsCs('y'), col(`q'`).endsWith('z')),
      col('t').between(when, new Date()),
      col('a b').notIn([1n, 2]),
      col('a b').in([]).not(),
      col(`q'`).ne('v').or(col(`q'`).isNotEmpty()),
    )
    const query = appendOperators('T // all\n;', [kql`where ${filter.kql}`])
    const columns = [
      { name: 'a b', type: 'long' },
      { name: `q'`, type: 'string' },
      { name: 't', type: 'datetime' },
    ]
    const parsed = parser.parse(query.text, [{ name: 'T', columns }])
    expect(parsed.diagnostics, query.text).toEqual([])
  })
})

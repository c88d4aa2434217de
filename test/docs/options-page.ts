import { unsupportedNames } from '../../src/streaming/streaming-write-settings.ts'
import type { OptionMember, OptionTypes } from './option-types.ts'

interface Section {
  readonly name: string
  /** What takes these options, and where the page about it is. */
  readonly of: string
  /** Inherited options of blobs and queues that are refused there. */
  readonly isStreamed?: boolean
}

const SECTIONS: readonly Section[] = [
  { name: 'KustoConnectorOptions', of: '`new KustoConnector(options)`' },
  { name: 'ReadOptions', of: '`kusto.read(source, options)`, see [reading](reading.md)' },
  { name: 'TypeOptions', of: 'the option `types` of reads and commands, see [types](types.md)' },
  { name: 'ReadCacheOptions', of: 'the option `cache` of a read' },
  { name: 'CommandOptions', of: '`kusto.command(text, options)`' },
  { name: 'WriteOptions', of: '`kusto.write(table, data, options)`, see [writing](writing.md)' },
  { name: 'CompletedOptions', of: '`receipt.completed(options)`, see [receipts](writing.md#receipts)' },
  {
    name: 'StreamingWriteOptions',
    of: "`kusto.write(table, data, options)` with `mode: 'streaming'`, see [streaming](streaming.md)",
    isStreamed: true,
  },
  { name: 'DeliveryOptions', of: 'everything that streams: how rows get into the table' },
  {
    name: 'SourceOptions',
    of: '`kusto.ingestFile` and `kusto.ingestStream`, see [files and streams](streaming.md#files-and-streams)',
  },
  {
    name: 'StreamingIngestOptions',
    of: "the same with `mode: 'streaming'`; together they are `IngestOptions`",
  },
  {
    name: 'BatchingOptions',
    of: '`kusto.writer(table, options)` whatever its `delivery`, see [continuous writing](continuous-writing.md)',
  },
  {
    name: 'AtLeastOnceWriterOptions',
    of: 'a writer that keeps no log; `WriterOptions` is this one or one of the next two',
  },
  { name: 'ExactlyOnceWriterOptions', of: "a writer with `delivery: 'exactly-once'`" },
  { name: 'ExactlyOnceOptions', of: 'the log of such a writer' },
  { name: 'StreamingWriterOptions', of: "a writer with `mode: 'streaming'`", isStreamed: true },
  { name: 'StreamReadOptions', of: '`kusto.writeStream(table, source, options)`, beside those of a writer' },
  { name: 'MicroBatchOptions', of: '`kusto.microBatchSink(table, options)`' },
  { name: 'BenchmarkOptions', of: '`benchmarkExport` and `benchmarkWrite`, see [benchmarks](benchmark.md)' },
]

/** Words for options whose comments say only what their default is. */
const WORDS: Readonly<Record<string, string>> = {
  signal: "Stops it: the promise rejects with the signal's reason, and the work on the service ends.",
  onEvent: 'Called with each event; see [the API page](api.md).',
  'KustoConnectorOptions.database': 'Needed unless `cluster` or `connectionString` says it.',
  'KustoConnectorOptions.credential': 'Who asks: a `TokenCredential`, a token, or a function that gives one.',
  'ReadOptions.mode': 'How the rows travel; see [large results](reading.md#large-results).',
  'WriteOptions.format': 'Of the blobs; see [CSV or Parquet](writing.md#csv-or-parquet).',
  'StreamingWriteOptions.mode': 'Rows in requests to the engine, not in blobs.',
  'StreamingWriteOptions.format': 'How rows are encoded.',
  'StreamingIngestOptions.mode': 'The bytes in a request to the engine, not in a blob.',
  'AtLeastOnceWriterOptions.mode': 'How batches travel.',
  'ExactlyOnceWriterOptions.delivery': 'Every row once, with the help of a log.',
}

const HEAD = `# Options

Every option by the call that takes it, made from the types and their comments by \`test/options-page.test.ts\`.

Three rules hold everywhere: a name that is not known, or a value out of its range, throws a \`KustoUsageError\` (\`KUSTO_BAD_OPTION\`)
before anything is sent; an option that is \`undefined\` counts as left out; names that end in \`Ms\` are milliseconds, in \`Bytes\` bytes.`

/** The text of docs/options.md. */
export function optionsPage(types: OptionTypes): string {
  return `${[HEAD, ...SECTIONS.map((section) => sectionText(types, section))].join('\n\n')}\n`
}

/** Options without a word about what they do. */
export function untold(types: OptionTypes): readonly string[] {
  return SECTIONS.flatMap(({ name }) =>
    types.get(name).own.flatMap((member) => (describe(member) === '' ? `${name}.${member.name}` : [])),
  )
}

function sectionText(types: OptionTypes, { name, of, isStreamed = false }: Section): string {
  const { own } = types.get(name)
  const lines = [`## ${name}`, '', `Of ${of}.`]
  if (own.length > 0) {
    lines.push('', '| option | type | default | |', '|---|---|---|---|', ...own.map(row))
  }
  const inherited = types.membersOf(name).filter(({ declaredBy }) => declaredBy !== name)
  const refused = isStreamed ? inherited.filter(isRefused) : []
  const taken = inherited.filter((member) => !refused.includes(member))
  for (const [from, members] of byDeclaration(taken)) {
    lines.push('', `As in [${from}](#${from.toLowerCase()}): ${list(members.map((member) => member.name))}.`)
  }
  if (refused.length > 0) {
    const reasons = unsupportedNames(refused.map((member) => member.name))
    lines.push('', 'Refused with `KUSTO_NOT_STREAMABLE`, or left out with `dropUnsupported`:', '')
    lines.push(...reasons.map((reason) => `- \`${reason.replace(':', '`:')}`))
  }
  return lines.join('\n')
}

const isRefused = ({ name }: OptionMember): boolean => unsupportedNames([name]).length > 0
const describe = ({ name, description, declaredBy }: OptionMember): string =>
  description === '' ? (WORDS[`${declaredBy}.${name}`] ?? WORDS[name] ?? '') : description
const cell = (text: string): string => text.replaceAll('|', String.raw`\|`)
const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ')

function row(member: OptionMember): string {
  const preset = member.defaultText === '' && !member.isOptional ? 'needed' : member.defaultText
  return `| \`${member.name}\` | \`${cell(member.type)}\` | ${cell(preset)} | ${cell(describe(member))} |`
}

function byDeclaration(members: readonly OptionMember[]): ReadonlyMap<string, readonly OptionMember[]> {
  const groups = new Map<string, OptionMember[]>()
  for (const member of members) groups.set(member.declaredBy, [...(groups.get(member.declaredBy) ?? []), member])
  return groups
}

import type { CommandAnalysis, Column } from '../lang/syntax.ts'
import { schemaOf, type CommandDefinition, type CommandFamily } from './command.ts'
import { dropOne } from './column-commands.ts'
import { EXTENT_COMMANDS } from './extent-commands.ts'
import { cancelQuery } from './operation-commands.ts'
import { checkProperties, Properties } from './command-arguments.ts'
import { cancelQueuedIngestion, showQueuedIngestion } from './queued-ingestion-commands.ts'
import { Scanner } from './scan.ts'
import { showTables } from './show-tables.ts'
import { rename, type Rename } from './table-commands.ts'
import { TRANSFER_COMMANDS } from './transfer-commands.ts'

/** A command that the service knows and the official grammar does not, or not wholly. */
export interface HandParsed {
  readonly definition: CommandDefinition
  readonly isAsync: boolean
  readonly text: string
  readonly columns: readonly Column[]
  readonly pipe: string | undefined
}

interface Form {
  /** Name in the list of supported commands. */
  readonly name: string
  readonly pattern: RegExp
  readonly columns: readonly Column[]
  readonly definition: CommandDefinition
  /** The result may be piped on. */
  readonly pipes?: true
}

const LISTING = schemaOf('TableName:string,DatabaseName:string,Folder:string,DocString:string')
const SCHEMA = schemaOf('TableName:string,Schema:string,DatabaseName:string,Folder:string,DocString:string')

const FORMS: readonly Form[] = [
  {
    name: 'ShowTables with (IncludeHiddenTables)',
    pattern: /^\.show\s+tables\b[^|]*\bwith\b/i,
    columns: LISTING,
    definition: { run: (context) => showTables(context, ...tablesForm(context.text), LISTING) },
    pipes: true,
  },
  {
    name: 'ShowQueuedIngestionOperations',
    pattern: /^\.show\s+queued\s+ingestion\s+operations\b/i,
    columns: [],
    definition: { run: showQueuedIngestion, anyDatabase: true },
    pipes: true,
  },
  {
    name: 'CancelQueuedIngestionOperation',
    pattern: /^\.cancel\s+queued\s+ingestion\s+operation\b/i,
    columns: [],
    definition: { run: cancelQueuedIngestion, anyDatabase: true },
  },
  {
    name: 'MoveExtentsFrom with (setNewIngestionTime)',
    pattern: /^\.move\s+(async\s+)?extents\b/i,
    columns: [],
    definition: defined(EXTENT_COMMANDS, 'MoveExtentsFrom'),
  },
  {
    name: 'ReplaceExtents',
    pattern: /^\.replace\s+(async\s+)?extents\b/i,
    columns: [],
    definition: defined(EXTENT_COMMANDS, 'ReplaceExtents'),
  },
  {
    name: 'RenameTables ifexists',
    pattern: /^\.rename\s+tables\b/i,
    columns: LISTING,
    definition: {
      run: (context) => {
        const { renames, ifExists } = renamesForm(context.text)
        return rename(context, renames, ifExists)
      },
    },
    pipes: true,
  },
  {
    name: 'DropColumn ifexists',
    pattern: /^\.drop\s+column\b/i,
    columns: SCHEMA,
    definition: { run: (context) => dropOne(context, ...dropColumnForm(context.text)) },
  },
  {
    name: 'CancelQuery with (reason)',
    pattern: /^\.cancel\s+query\b/i,
    columns: [],
    definition: { run: (context) => cancelQuery(context, cancelQueryForm(context.text)), anyDatabase: true },
  },
  {
    name: 'IngestInlineIntoTable with bracketed records',
    pattern: /^\.ingest\s+inline\b/i,
    columns: [],
    definition: defined(TRANSFER_COMMANDS, 'IngestInlineIntoTable'),
  },
  {
    name: 'ExportToStorage with neighbouring string literals',
    pattern: /^\.export\b/i,
    columns: [],
    definition: defined(TRANSFER_COMMANDS, 'ExportToStorage'),
  },
]

/** Names of these forms, for the list of supported commands. */
export const HAND_PARSED_NAMES: readonly string[] = FORMS.map(({ name }) => name)

/** The form of a command that the official grammar did not understand to its end. */
export function findHandParsed(analysis: CommandAnalysis): HandParsed | undefined {
  if (analysis.form === 'CustomCommand') return undefined
  const whole = analysis.text.trim()
  const form = FORMS.find(({ pattern }) => pattern.test(whole))
  if (form === undefined) return undefined
  const isAsync = /^\.\S+\s+async\b/i.test(whole)
  const bar = form.pipes === true ? findBar(whole) : undefined
  return {
    definition: form.definition,
    isAsync,
    text: bar === undefined ? whole : whole.slice(0, bar),
    columns: form.columns,
    pipe: bar === undefined ? undefined : whole.slice(bar + 1),
  }
}

function defined(family: CommandFamily, name: string): CommandDefinition {
  const definition = family[name]
  if (definition === undefined) throw new TypeError(`no command ${name}`)
  return definition
}

function findBar(text: string): number | undefined {
  const scanner = new Scanner(text)
  while (scanner.next.kind !== 'end') {
    if (scanner.next.kind === 'mark' && scanner.next.text === '|') return scanner.next.start
    scanner.take()
  }
  return undefined
}

/** `.show tables [(A, B)] with (IncludeHiddenTables = true)` */
function tablesForm(text: string): readonly [names: readonly string[], withHidden: boolean] {
  const scanner = new Scanner(text)
  scanner.expect('.', 'show', 'tables')
  const names = scanner.next.text === '(' ? scanner.list(() => scanner.name()) : []
  const properties = new Properties('ShowTables', ['IncludeHiddenTables'], scanner.properties())
  scanner.end()
  return [names, properties.bool('IncludeHiddenTables') ?? false]
}

/** `.rename tables New = Old [ifexists], ...` */
function renamesForm(text: string): { readonly renames: readonly Rename[]; readonly ifExists: ReadonlySet<string> } {
  const scanner = new Scanner(text)
  scanner.expect('.', 'rename', 'tables')
  const renames: Rename[] = []
  const ifExists = new Set<string>()
  do {
    const to = scanner.name()
    scanner.expect('=')
    const from = scanner.name()
    renames.push({ from, to })
    if (scanner.accept('ifexists')) ifExists.add(from)
  } while (scanner.accept(','))
  scanner.end()
  return { renames, ifExists }
}

/** `.drop column T.c [ifexists]` */
function dropColumnForm(text: string): readonly [{ readonly table: string; readonly column: string }, boolean] {
  const scanner = new Scanner(text)
  scanner.expect('.', 'drop', 'column')
  const table = scanner.name()
  scanner.expect('.')
  const column = scanner.name()
  const ifExists = scanner.accept('ifexists')
  scanner.end()
  return [{ table, column }, ifExists]
}

/** `.cancel query "<client request id>" with (reason = "...")` */
function cancelQueryForm(text: string): string {
  const scanner = new Scanner(text)
  scanner.expect('.', 'cancel', 'query')
  const id = scanner.string()
  // The reason only reaches the canceled client's error, which names the cancellation anyway.
  checkProperties('CancelQuery', ['reason'], scanner.properties())
  scanner.end()
  return id
}

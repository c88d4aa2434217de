import { ticksFromUnixMs, TICKS_PER_SECOND } from '../../base/ticks.ts'
import type { TableRecord } from '../engine/catalog-state.ts'
import { badRequest, entityNotFound } from '../engine/entity-errors.ts'
import { dropExtents, moveExtents, readExtents, retagExtents, type Extent } from '../engine/extents.ts'
import {
  requireTable,
  schemaOf,
  tableOf,
  type CommandContext,
  type CommandFamily,
  type CommandResult,
  type RowRecord,
} from './command.ts'
import { evaluateTexts } from './evaluate.ts'
import {
  parseDrop,
  parseMove,
  parseReplace,
  parseShowExtents,
  parseTags,
  type ExtentProperties,
  type TagsCommand,
} from './extent-syntax.ts'

/** Commands about extents. */
export const EXTENT_COMMANDS: CommandFamily = {
  ShowTableExtents: { run: (context) => show(context, context.args.all('TableName')) },
  ShowDatabaseExtents: { run: (context) => show(context, undefined) },
  MoveExtentsFrom: { run: move, operation: 'ExtentsMove' },
  MoveExtentsQuery: { run: move, operation: 'ExtentsMove' },
  ReplaceExtents: { run: replace, operation: 'ExtentsReplace' },
  DropExtents: { run: drop },
  DropExtent: { run: drop },
  DropPretendExtentsByProperties: { run: drop },
  AlterExtentTagsFromQuery: { run: changeTags, operation: 'ExtentTagsAlter' },
  AlterMergeExtentTagsFromQuery: { run: changeTags, operation: 'ExtentTagsAlterMerge' },
  DropExtentTagsFromTable: { run: changeTags, operation: 'ExtentTagsDrop' },
  DropExtentTagsFromQuery: { run: changeTags, operation: 'ExtentTagsDrop' },
}

const MOVED = schemaOf('OriginalExtentId:string,ResultExtentId:string,Details:string')
const RETAGGED = schemaOf('OriginalExtentId:string,ResultExtentId:string,ResultExtentTags:string,Details:string')
const DROPPED = schemaOf('ExtentId:guid,TableName:string,CreatedOn:datetime')

async function show(context: CommandContext, names: readonly string[] | undefined): Promise<CommandResult> {
  const { extentIds, tags } = parseShowExtents(context.text)
  const tables = names === undefined ? databaseTables(context) : names.map((name) => requireTable(context, name))
  const extents = await readExtents(context.session, {
    tableIds: tables.map(({ id }) => id),
    tags,
    ...(extentIds === undefined ? {} : { extentIds }),
  })
  const nameOf = new Map(tables.map(({ id, name }) => [id, name]))
  return tableOf(
    context.columns,
    extents.map((extent) => extentRow(context, extent, nameOf.get(extent.tableId) ?? '')),
  )
}

function databaseTables(context: CommandContext): readonly TableRecord[] {
  const wanted = context.args.maybe('DatabaseName')
  const database = wanted === undefined ? context.database : context.services.catalog.database(wanted)
  if (database === undefined) throw entityNotFound('Database', wanted ?? '')
  return [...context.services.catalog.state.tables.values()].filter(({ databaseId }) => databaseId === database.id)
}

/** Sizes are those before compression: nothing is compressed and there is no index. */
function extentRow(context: CommandContext, extent: Extent, tableName: string): RowRecord {
  return {
    ExtentId: extent.extentId,
    DatabaseName: context.database.name,
    TableName: tableName,
    MaxCreatedOn: extent.createdMax,
    OriginalSize: Number(extent.size),
    ExtentSize: Number(extent.size),
    CompressedSize: Number(extent.size),
    IndexSize: 0,
    Blocks: 1n,
    Segments: 1n,
    RowCount: extent.rowCount,
    MinCreatedOn: extent.createdMin,
    Tags: extent.tags.join('\r\n'),
    DeletedRowCount: 0n,
  }
}

async function move(context: CommandContext): Promise<CommandResult> {
  const { catalog } = context.services
  const command = parseMove(context.text)
  const target = requireTable(context, command.target)
  const listed = command.query === undefined ? undefined : await extentList(context, command.query)
  const sources =
    command.source === undefined ? tablesNamed(context, listed ?? []) : [requireTable(context, command.source)]
  const extentIds = listed?.map(({ extentId }) => extentId) ?? command.extentIds
  const lock = [target, ...sources].map(({ id }) => id)
  const moved = await catalog.withTables(context.session, lock, async () => {
    const extents = await chosen(context, sources, extentIds, command.properties)
    return moveAll(context, extents, sources, target, newIngestionTime(command.properties))
  })
  return tableOf(MOVED, moved)
}

async function replace(context: CommandContext): Promise<CommandResult> {
  const { catalog } = context.services
  const command = parseReplace(context.text)
  const target = requireTable(context, command.target)
  const toDrop = (await evaluateTexts(context, command.dropQuery, ['ExtentId'])).map(([id = '']) => id)
  const toMove = await extentList(context, command.moveQuery)
  const sources = tablesNamed(context, toMove)
  const lock = [target, ...sources].map(({ id }) => id)
  const result = await catalog.withTables(context.session, lock, async () => {
    const dropped = await chosen(context, [target], toDrop, command.properties)
    const extentIds = toMove.map(({ extentId }) => extentId)
    const extents = await chosen(context, sources, extentIds, command.properties)
    const gone = new Set(dropped.map(({ extentId }) => extentId))
    if (extents.some(({ extentId }) => gone.has(extentId))) throw badRequest('an extent is both dropped and moved')
    await dropExtents(context.session, dropped)
    const moved = await moveAll(context, extents, sources, target, newIngestionTime(command.properties))
    return [...dropped.map(({ extentId }): RowRecord => ({ OriginalExtentId: extentId })), ...moved]
  })
  return tableOf(MOVED, result)
}

/** The extents that a query lists by ExtentId and TableName. */
async function extentList(
  context: CommandContext,
  query: string,
): Promise<readonly { readonly extentId: string; readonly table: string }[]> {
  const rows = await evaluateTexts(context, query, ['ExtentId', 'TableName'])
  return rows.map(([extentId = '', table = '']) => ({ extentId, table }))
}

function tablesNamed(context: CommandContext, listed: readonly { readonly table: string }[]): readonly TableRecord[] {
  return [...new Set(listed.map(({ table }) => table))].map((name) => requireTable(context, name))
}

/** The extents of these tables with these ids, all of which must be there; without ids, all extents. */
async function chosen(
  context: CommandContext,
  tables: readonly TableRecord[],
  extentIds: readonly string[] | undefined,
  properties: ExtentProperties,
): Promise<readonly Extent[]> {
  const extents = await readExtents(context.session, { tableIds: tables.map(({ id }) => id) })
  const wanted = extentIds === undefined ? undefined : new Set(extentIds.map((id) => id.toLowerCase()))
  if (wanted !== undefined) {
    const present = new Set(extents.map(({ extentId }) => extentId))
    const missing = [...wanted].find((id) => !present.has(id))
    if (missing !== undefined) throw entityNotFound('Extent', missing)
  }
  const from = properties.datetime('extentCreatedOnFrom') ?? 0n
  const to = properties.datetime('extentCreatedOnTo')
  return extents.filter(
    ({ extentId, createdMax }) =>
      (wanted === undefined || wanted.has(extentId)) && createdMax >= from && (to === undefined || createdMax <= to),
  )
}

async function moveAll(
  context: CommandContext,
  extents: readonly Extent[],
  sources: readonly TableRecord[],
  target: TableRecord,
  ingestedTicks: bigint | undefined,
): Promise<readonly RowRecord[]> {
  const rows: RowRecord[] = []
  const { state } = context.services.catalog
  for (const source of sources) {
    const from = state.tables.get(source.id)
    const to = state.tables.get(target.id)
    if (from === undefined || to === undefined) throw badRequest('a table was dropped meanwhile')
    const own = extents.filter(({ tableId }) => tableId === source.id)
    const moved = await moveExtents(context.session, own, from, to, ingestedTicks)
    rows.push(
      ...own.map(({ extentId }, index) => ({
        OriginalExtentId: extentId,
        ResultExtentId: moved[index]?.extentId ?? '',
      })),
    )
  }
  return rows
}

function newIngestionTime(properties: ExtentProperties): bigint | undefined {
  return properties.bool('setNewIngestionTime') === true ? ticksFromUnixMs(Date.now()) : undefined
}

async function drop(context: CommandContext): Promise<CommandResult> {
  const { catalog } = context.services
  const command = parseDrop(context.text)
  const listed = command.query === undefined ? undefined : await extentList(context, command.query)
  const tables =
    listed !== undefined
      ? tablesNamed(context, listed)
      : command.table === undefined
        ? databaseTables(context)
        : [requireTable(context, command.table)]
  const tableIds = tables.map(({ id }) => id)
  const nameOf = new Map(tables.map(({ id, name }) => [id, name]))
  const extentIds = listed?.map(({ extentId }) => extentId) ?? command.extentIds
  const before =
    command.olderSeconds === undefined
      ? undefined
      : ticksFromUnixMs(Date.now()) - BigInt(Math.round(command.olderSeconds)) * TICKS_PER_SECOND
  return catalog.withTables(context.session, tableIds, async () => {
    const filter = { tableIds, createdTo: before, ...(extentIds === undefined ? {} : { extentIds }) }
    const extents = await readExtents(context.session, filter)
    if (!command.whatIf) await dropExtents(context.session, extents)
    return tableOf(
      DROPPED,
      extents.map(({ extentId, tableId, createdMax }) => ({
        ExtentId: extentId,
        TableName: nameOf.get(tableId) ?? '',
        CreatedOn: createdMax,
      })),
    )
  })
}

async function changeTags(context: CommandContext): Promise<CommandResult> {
  const { catalog } = context.services
  const command = parseTags(context.text)
  const table = requireTable(context, command.table)
  const listed = command.query === undefined ? undefined : await tagList(context, command)
  return catalog.withTables(context.session, [table.id], async () => {
    const ids = listed === undefined ? undefined : [...listed.keys()]
    const extents = await chosen(context, [table], ids, command.properties)
    const changes = extents
      .map((extent) => ({ extent, tags: newTags(command, extent, listed?.get(extent.extentId) ?? command.tags ?? []) }))
      .filter(({ extent, tags }) => command.verb !== 'drop' || tags.length < extent.tags.length)
    const retagged = await retagExtents(context.session, changes)
    return tableOf(
      RETAGGED,
      retagged.map(({ extentId, tags }, index) => ({
        OriginalExtentId: changes[index]?.extent.extentId ?? '',
        ResultExtentId: extentId,
        ResultExtentTags: tags.join('\r\n'),
      })),
    )
  })
}

/** Extent ids of the query with their tags; only `.drop` takes the tags from the query. */
async function tagList(context: CommandContext, command: TagsCommand): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = command.verb === 'drop' ? ['ExtentId', 'Tags'] : ['ExtentId']
  const rows = await evaluateTexts(context, command.query ?? '', names)
  const tags = new Map<string, readonly string[]>()
  for (const [id = '', text = ''] of rows) {
    const own = command.verb === 'drop' ? text.split('\r\n').filter((tag) => tag !== '') : (command.tags ?? [])
    tags.set(id.toLowerCase(), [...(tags.get(id.toLowerCase()) ?? []), ...own])
  }
  return tags
}

function newTags(command: TagsCommand, extent: Extent, tags: readonly string[]): readonly string[] {
  switch (command.verb) {
    case 'alter':
      return tags
    case 'alter-merge':
      return [...extent.tags, ...tags]
    case 'drop':
      return extent.tags.filter((tag) => !tags.includes(tag))
  }
}

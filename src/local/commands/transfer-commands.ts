import { ingestInline, ingestInto, inlineData } from '../ingest/ingest-commands.ts'
import { exportToStorage } from '../storage/export-command.ts'
import { keepsExportDetails } from '../storage/export-properties.ts'
import type { CommandFamily } from './command.ts'
import { parseExport, parseInline } from './transfer-syntax.ts'

/** Commands that move data in and out. */
export const TRANSFER_COMMANDS: CommandFamily = {
  IngestInlineIntoTable: {
    operation: 'DataIngestInline',
    run: ({ services, session, database, request, text }) => {
      const { table, properties, data } = parseInline(text)
      const command = { database: database.name, table, properties, signal: request.signal, data: inlineData(data) }
      return ingestInline(services, session, command)
    },
  },
  IngestIntoTable: {
    operation: 'DataIngestPull',
    run: ({ services, session, database, request, args, operationId }) =>
      ingestInto(services, session, {
        database: database.name,
        table: args.one('TableName'),
        properties: args.propertyPairs,
        sources: args.all('Path'),
        operationId,
        signal: request.signal,
      }),
  },
  ExportToStorage: {
    operation: 'DataExportToFile',
    keepDetails: ({ text }, isAsync) => keepsExportDetails(parseExport(text).properties, isAsync),
    run: ({ services, session, database, request, text }) => {
      const { format, compressed, destinations, properties, query } = parseExport(text)
      return exportToStorage(services, session, {
        database: database.name,
        query,
        format,
        compressed,
        properties,
        targets: destinations,
        options: request.options,
        signal: request.signal,
      })
    },
  },
}

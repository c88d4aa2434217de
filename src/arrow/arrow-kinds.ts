import { isArrowRecordBatch, isArrowTable, type RecordBatch, type Table } from 'apache-arrow'

/**
 * Whether a value is a table of any copy of apache-arrow. Its own guard knows copies from version 21.2 on, by a mark that older
 * ones lack; their tables can be iterated by row, and would pass for lists of rows whose types are to be inferred.
 */
export function isTable(value: unknown): value is Table {
  return isArrowTable(value) || (hasSchema(value) && Array.isArray(value['batches']))
}

/** Whether a value is a record batch of any copy of apache-arrow. */
export function isRecordBatch(value: unknown): value is RecordBatch {
  return isArrowRecordBatch(value) || (hasSchema(value) && isObject(value['data']) && isObject(value['data']['type']))
}

function hasSchema(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && typeof value['getChild'] === 'function' && Array.isArray(fieldsOf(value['schema']))
}

const fieldsOf = (schema: unknown): unknown => (isObject(schema) ? schema['fields'] : undefined)

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

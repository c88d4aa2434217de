import { type TypeOptions, typeSettings } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'
import type { ResponseEvent } from './response-events.ts'
import { ResponseReader, type ResponseSettings } from './response-reader.ts'

/** How a response is decoded. */
export interface ResponseOptions {
  /** Which Arrow types stand for which Kusto types. */
  readonly types?: TypeOptions
  /** Rows of a full batch, 1 to 16,777,216. Default 65,536. */
  readonly batchRows?: number
  /** Bytes of response after which a batch ends early, 1 to 1 GiB. Default 8 MiB. */
  readonly batchBytes?: number
  /**
   * What a JSON string in a dynamic column is. `unwrap` (default): JSON text wrapped in a string, if its content is valid
   * JSON (V2: and begins with `{` or `[`); else a string value. `keep`: always a string value. Either way the
   * Arrow value is valid JSON text.
   */
  readonly dynamicStrings?: 'unwrap' | 'keep'
  /** Ends the reading between chunks. */
  readonly signal?: AbortSignal
}

const DEFAULTS = Object.freeze({ batchRows: 65_536, batchBytes: 8 * 1024 * 1024 })
const LIMITS = Object.freeze({ batchRows: 16_777_216, batchBytes: 1024 * 1024 * 1024 })
const KEYS: ReadonlySet<string> = new Set(['types', 'batchRows', 'batchBytes', 'dynamicStrings', 'signal'])

/**
 * Fills in the defaults of {@link ResponseOptions}.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function responseSettings(options: ResponseOptions = {}): ResponseSettings {
  const unknown = Object.keys(options).find((key) => !KEYS.has(key))
  if (unknown !== undefined) throw badOption(`one of ${[...KEYS].join(', ')}`, unknown)
  const dynamicStrings = options.dynamicStrings ?? 'unwrap'
  if (dynamicStrings !== 'unwrap' && dynamicStrings !== 'keep') {
    throw badOption('dynamicStrings to be unwrap or keep', String(dynamicStrings))
  }
  return {
    types: typeSettings(options.types),
    batchRows: within('batchRows', options.batchRows),
    batchBytes: within('batchBytes', options.batchBytes),
    dynamicStrings,
  }
}

/**
 * Decodes the body of a query or management answer, V1 or V2, into events: schemas, record batches, and at last `end`,
 * which alone means success. Errors and their order as in {@link ResponseReader.next}. Leaving the loop ends `chunks`.
 */
export async function* readResponse(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ResponseOptions = {},
): AsyncGenerator<ResponseEvent, void, undefined> {
  const reader = new ResponseReader(responseSettings(options))
  options.signal?.throwIfAborted()
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted()
    reader.write(chunk)
    yield* events(reader)
  }
  options.signal?.throwIfAborted()
  reader.close()
  yield* events(reader)
}

function* events(reader: ResponseReader): Generator<ResponseEvent, void, undefined> {
  for (let event = reader.next(); event !== undefined; event = reader.next()) yield event
}

function within(key: keyof typeof DEFAULTS, value: number | undefined): number {
  if (value === undefined) return DEFAULTS[key]
  if (!Number.isInteger(value) || value < 1 || value > LIMITS[key]) {
    throw badOption(`${key} to be a whole number from 1 to ${LIMITS[key]}`, String(value))
  }
  return value
}

function badOption(expected: string, found: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_OPTION', `expected ${expected}, found ${found}`)
}

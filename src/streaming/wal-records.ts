import { createHash } from 'node:crypto'
import { KustoProtocolError } from '../errors.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import { numberedName } from './log-store.ts'

/*
 * The log of one stream, an ordered input of one table, as objects that never change. Sequence numbers count batches from 0.
 *
 *   meta/stream            StreamRecord, made with the log
 *   staged/<seq>-<random>  the encoded rows of a batch; without an entry it does not count
 *   entries/<seq>          EntryRecord: the batch exists. Making it is what two writers compete for
 *   intents/<seq>-<n>      IntentRecord: attempt n at submitting it may follow
 *   intents/<seq>-<n>.sent SentRecord: it was taken, and how to ask after it
 *   moves/<seq>            MoveRecord: with commit 'staging-table', the extents that hold exactly its rows and may be moved
 *   outcomes/<seq>         OutcomeRecord: it is settled
 *   marks/<seq>            MarkRecord: all batches up to this one are settled; what is older is of no use
 *
 * No record holds a credential.
 */

/** Of all records; a log of another version is refused. */
export const LOG_VERSION = 1

/** How a batch becomes visible once and only once. */
export type CommitStrategy = 'tag' | 'staging-table'

export interface StreamRecord {
  readonly kind: 'stream'
  readonly version: number
  readonly stream: string
  /** Random, of this log: tags of a log that was lost never meet those of the next. 8 characters. */
  readonly incarnation: string
  readonly cluster: string
  readonly database: string
  readonly table: string
  readonly commit: CommitStrategy
  readonly createdAt: string
}

export interface EntryRecord {
  readonly kind: 'entry'
  readonly version: number
  readonly sequence: number
  /** Name of the object with the encoded rows. */
  readonly staged: string
  readonly rows: number
  readonly rawBytes: number
  readonly encodedBytes: number
  /** Of the encoded rows, in hex. */
  readonly sha256: string
  readonly extension: string
  /** Without tags, which follow from the stream and the sequence number. */
  readonly properties: IngestionProperties
  /** Hash of the columns. */
  readonly schema: string
  /** Where the source stands after the last write that is complete up to here; absent when none is. JSON. */
  readonly position?: unknown
  /** Rows of the write after that one which are in this batch or an earlier one. */
  readonly partialRows: number
  readonly epoch: number
  readonly createdAt: string
}

export interface IntentRecord {
  readonly kind: 'intent'
  readonly version: number
  readonly sequence: number
  /** 1-based. */
  readonly attempt: number
  readonly sourceId: string
  /** The table it is sent to. */
  readonly table: string
  readonly epoch: number
  readonly createdAt: string
}

export interface SentRecord {
  readonly kind: 'sent'
  readonly version: number
  readonly via: 'rest' | 'queue'
  readonly operationId?: string
  readonly statusTable?: string
  readonly createdAt: string
}

export interface MoveRecord {
  readonly kind: 'move'
  readonly version: number
  readonly sequence: number
  readonly stagingTable: string
  readonly extents: readonly {
    readonly id: string
    readonly rows: number
    readonly createdFromMs: number
    readonly createdToMs: number
  }[]
  readonly epoch: number
  readonly createdAt: string
}

export interface OutcomeRecord {
  readonly kind: 'outcome'
  readonly version: number
  readonly sequence: number
  /** `skipped`: the service refused the rows for good, and they were given to a dead letter. */
  readonly outcome: 'committed' | 'skipped'
  /** What told it. */
  readonly evidence: string
  readonly rows: number
  readonly epoch: number
  readonly createdAt: string
}

export interface MarkRecord {
  readonly kind: 'mark'
  readonly version: number
  readonly sequence: number
  readonly position?: unknown
  readonly partialRows: number
  readonly createdAt: string
}

export type LogRecord = StreamRecord | EntryRecord | IntentRecord | SentRecord | MoveRecord | OutcomeRecord | MarkRecord

/** A record as bytes: one line of JSON, and the hash of that line, so that damage is not read as data. */
export function formatRecord(record: LogRecord): Uint8Array {
  const line = JSON.stringify(record)
  return Buffer.from(`${line}\n${hashOf(line)}\n`)
}

/**
 * @throws {KustoProtocolError} KUSTO_BAD_LOG_RECORD for bytes that are damaged, of another kind or of another version
 */
export function parseRecord<Kind extends LogRecord['kind']>(
  kind: Kind,
  bytes: Uint8Array,
  name: string,
): Extract<LogRecord, { readonly kind: Kind }> {
  const [line = '', hash] = Buffer.from(bytes).toString('utf8').split('\n')
  if (hash !== hashOf(line)) throw badRecord(name, 'a record whose hash agrees', 'another one, or none')
  const record = JSON.parse(line) as LogRecord
  if (record.version !== LOG_VERSION) {
    throw badRecord(
      name,
      `a record of version ${LOG_VERSION}`,
      `version ${String(record.version)}: use a release that writes it`,
    )
  }
  if (record.kind !== kind) throw badRecord(name, `a record of kind ${kind}`, record.kind)
  return record as Extract<LogRecord, { readonly kind: Kind }>
}

/**
 * The `ingest-by` value of a batch, the same in every attempt and every process. Short, because tags of all batches add up
 * in the extents that are merged: `kx`, 6 characters for the stream's name, 8 for this log, and the number.
 */
export function batchTag(
  { stream, incarnation }: Pick<StreamRecord, 'stream' | 'incarnation'>,
  sequence: number,
): string {
  return `${streamTagPrefix(stream)}${incarnation}-${sequence.toString(36)}`
}

/** What the tags of all logs of a stream begin with. */
export function streamTagPrefix(stream: string): string {
  return `kx${hashOf(stream).slice(0, 6)}`
}

/** A source id that follows from tag and attempt: a guid of version 5, RFC 9562. */
export function sourceIdOf(tag: string, attempt: number): string {
  const hash = createHash('sha1').update(NAMESPACE).update(`${tag}/${attempt}`).digest()
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

/** Of source ids; random, and the same for ever. */
const NAMESPACE = Buffer.from('8f6f0c0a5b0e4d5f9a4be2f6f1d2c7a1', 'hex')

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function badRecord(name: string, expected: string, found: string): KustoProtocolError {
  return new KustoProtocolError('KUSTO_BAD_LOG_RECORD', `${name}: expected ${expected}, found ${found}`)
}

/** The name of the record of an attempt at submitting a batch. */
export function attemptName({ sequence, attempt }: Pick<IntentRecord, 'sequence' | 'attempt'>): string {
  return numberedName('intents', sequence, `-${String(attempt).padStart(4, '0')}`)
}

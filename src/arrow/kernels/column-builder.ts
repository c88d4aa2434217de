import type { ScalarName, TypeSettings } from '../scalar-types.ts'

/** Which reader fills a column; dense, so that the switch in read-rows.ts becomes a jump table. */
export const KIND: Readonly<
  Record<Exclude<ScalarName, 'guid'> | 'decimalText' | 'guidText' | 'uuid' | 'dictionary', number>
> = Object.freeze({
  bool: 0,
  int: 1,
  long: 2,
  real: 3,
  decimal: 4,
  decimalText: 5,
  string: 6,
  datetime: 7,
  timespan: 8,
  guidText: 9,
  uuid: 10,
  dynamic: 11,
  dictionary: 12,
})

/** What happens to a JSON string in a dynamic column; see read-dynamic.ts. */
export const UNWRAP: Readonly<Record<'nothing' | 'containers' | 'anything', number>> = Object.freeze({
  nothing: 0,
  containers: 1,
  anything: 2,
})

/** How a datetime or timespan is counted: units in a second, a day as `hi * 2^32 + lo`, ticks in a unit. */
interface Unit {
  readonly perSecond: number
  readonly dayHi: number
  readonly dayLo: number
  /** Days from the civil day 1970-01-01 to the epoch of the unit. */
  readonly epochDays: number
}

const DAYS_FROM_YEAR_1_TO_1970 = 719_162
const UNITS: Readonly<Record<'us' | 'ns' | 'ticks', Unit>> = {
  us: { perSecond: 1e6, dayHi: 20, dayLo: 500_654_080, epochDays: 0 },
  ns: { perSecond: 1e9, dayHi: 20_116, dayLo: 2_437_873_664, epochDays: 0 },
  ticks: { perSecond: 1e7, dayHi: 201, dayLo: 711_573_504, epochDays: DAYS_FROM_YEAR_1_TO_1970 },
}

/** First size of the table of a dictionary's texts, a power of two. */
const FIRST_SLOTS = 256

/** Room a reader may write past the end of a value, because text is copied some words at a time. */
const SLOP = 64

/**
 * The buffers of one column of the batch being filled. One class for all types, so that every reader sees one
 * hidden class. Readers write row `row` and nothing else; a row is taken back by {@link rollBackRow}.
 *
 * Ownership: `take...` hands the buffers to the caller or a copy of them; the builder never writes a handed-out
 * buffer again.
 */
export class ColumnBuilder {
  readonly kind: number
  /** Bytes per row: 4, 8 or 16; 0 for text and bool. */
  readonly width: number
  readonly isText: boolean
  readonly nullable: boolean
  readonly unwrap: number
  readonly perSecond: number
  readonly dayUnitHi: number
  readonly dayUnitLo: number
  readonly epochDays: number

  rowCapacity: number
  /** One bit per row, 1 = has a value. Preset to 1. */
  valid: Uint8Array
  mayHaveNulls: boolean
  /** Fixed-width values as 32-bit words, little-endian; a view of the same memory as `f64`. */
  i32: Int32Array
  f64: Float64Array
  /** Bool values, one bit per row; or the bytes of text and uuid columns. */
  bytes: Uint8Array
  view: DataView
  offsets: Int32Array
  /** Bytes of text written so far. */
  used: number

  /** Of a dictionary column: its texts, which outlive batches, how many there are, and where to find them by hash. */
  readonly entries: ColumnBuilder | null
  entryCount: number
  slots: Int32Array

  /** The civil day last seen, as the bytes `"yyyy-MM-ddT`, and where it starts: `dayHi * 2^32 + dayLo` units after the epoch. */
  dayWord0: number
  dayWord1: number
  dayWord2: number
  dayHi: number
  dayLo: number
  /** Values whose 7th fraction digit was dropped, and the row of the last of them. */
  lostTicks: number
  lostRow: number

  constructor(type: ScalarName, settings: TypeSettings, unwrap: number, encoding: 'plain' | 'dictionary' = 'plain') {
    const hasEntries = encoding === 'dictionary'
    this.kind = hasEntries ? KIND.dictionary : kindOf(type, settings)
    this.width = widthOf(this.kind)
    this.isText = this.width === 0 && this.kind !== KIND.bool
    this.nullable = type !== 'string'
    this.unwrap = unwrap
    const unit = UNITS[type === 'timespan' ? settings.timespan : settings.datetime]
    this.perSecond = unit.perSecond
    this.dayUnitHi = unit.dayHi
    this.dayUnitLo = unit.dayLo
    this.epochDays = unit.epochDays
    this.rowCapacity = 0
    this.valid = new Uint8Array(0)
    this.mayHaveNulls = false
    this.i32 = new Int32Array(0)
    this.f64 = new Float64Array(0)
    this.bytes = new Uint8Array(0)
    this.view = new DataView(this.bytes.buffer)
    this.offsets = new Int32Array(1)
    this.used = 0
    this.entries = hasEntries ? new ColumnBuilder(type, settings, unwrap) : null
    this.entryCount = 0
    this.slots = new Int32Array(hasEntries ? FIRST_SLOTS : 0)
    this.entries?.reserveRows(FIRST_SLOTS, 0)
    this.dayWord0 = 0
    this.dayWord1 = 0
    this.dayWord2 = 0
    this.dayHi = 0
    this.dayLo = 0
    this.lostTicks = 0
    this.lostRow = -1
  }

  /** Makes room for `rows` rows in all, keeping the first `filled`. */
  reserveRows(rows: number, filled: number): void {
    if (rows <= this.rowCapacity) return
    const valid = new Uint8Array((rows + 7) >> 3).fill(255)
    valid.set(this.valid.subarray(0, (filled + 7) >> 3))
    this.valid = valid
    if (this.isText) {
      const offsets = new Int32Array(rows + 1)
      offsets.set(this.offsets.subarray(0, filled + 1))
      this.offsets = offsets
    } else if (this.width === 0) {
      const bits = new Uint8Array((rows + 7) >> 3)
      bits.set(this.bytes.subarray(0, (filled + 7) >> 3))
      this.bytes = bits
    } else {
      const i32 = new Int32Array(((rows * this.width + 4) >> 3) << 1)
      i32.set(this.i32.subarray(0, (filled * this.width) >> 2))
      this.#setFixed(i32)
    }
    this.rowCapacity = rows
  }

  /** Makes room for `more` bytes of text after what is there. */
  reserveText(more: number): void {
    if (this.entries !== null) this.entries.reserveText(more)
    if (!this.isText) return
    const needed = this.used + more + SLOP
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, Math.min(this.bytes.length * 2, needed + 0x400_0000)))
    grown.set(this.bytes.subarray(0, this.used))
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }

  /** Forgets whatever was written for `row`, which was not completed. */
  rollBackRow(row: number): void {
    if (row < this.rowCapacity) this.valid[row >> 3] = this.valid[row >> 3]! | (1 << (row & 7))
    if (this.isText) this.used = this.offsets[row]!
    if (this.lostRow === row) {
      this.lostTicks--
      this.lostRow = -1
    }
  }

  /** Number of nulls among the first `rows` rows. */
  countNulls(rows: number): number {
    if (!this.mayHaveNulls) return 0
    let nulls = 0
    for (let row = 0; row < rows; row++) nulls += (~this.valid[row >> 3]! >> (row & 7)) & 1
    return nulls
  }

  /** The validity bitmap of the first `rows` rows. */
  takeValidity(rows: number): Uint8Array {
    return this.valid.slice(0, (rows + 7) >> 3)
  }

  /** The values of a fixed-width column, as 32-bit words. */
  takeWords(rows: number): Int32Array {
    const words = (rows * this.width) >> 2
    if (!worthHandingOver(words, this.i32.length)) return this.i32.slice(0, words)
    const taken = this.i32.subarray(0, words)
    this.#setFixed(new Int32Array(this.i32.length))
    return taken
  }

  /** The values of a bool column, one bit per row. */
  takeBits(rows: number): Uint8Array {
    return this.bytes.slice(0, (rows + 7) >> 3)
  }

  /** The offsets of a text column. Call before {@link takeText}. */
  takeOffsets(rows: number): Int32Array {
    if (!worthHandingOver(rows + 1, this.offsets.length)) return this.offsets.slice(0, rows + 1)
    const taken = this.offsets.subarray(0, rows + 1)
    this.offsets = new Int32Array(this.offsets.length)
    return taken
  }

  /** The bytes of a text column. */
  takeText(): Uint8Array {
    if (!worthHandingOver(this.used, this.bytes.length)) return this.bytes.slice(0, this.used)
    const taken = this.bytes.subarray(0, this.used)
    this.bytes = new Uint8Array(this.bytes.length)
    this.view = new DataView(this.bytes.buffer)
    return taken
  }

  /** Starts the next batch; buffers not handed out are used again. */
  clear(): void {
    if (this.mayHaveNulls) this.valid.fill(255)
    this.mayHaveNulls = false
    this.used = 0
    this.lostRow = -1
  }

  #setFixed(i32: Int32Array): void {
    this.i32 = i32
    this.f64 = new Float64Array(i32.buffer)
    this.view = new DataView(i32.buffer)
    this.bytes = new Uint8Array(i32.buffer)
  }
}

/** Handing a buffer over saves a copy but keeps its unused end alive; an eighth is the most we let the caller keep. */
function worthHandingOver(used: number, capacity: number): boolean {
  return used * 8 >= capacity * 7
}

function kindOf(type: ScalarName, settings: TypeSettings): number {
  if (type === 'decimal') return settings.decimal === 'text' ? KIND.decimalText : KIND.decimal
  if (type === 'guid') return settings.guid === 'uuid' ? KIND.uuid : KIND.guidText
  return KIND[type]
}

function widthOf(kind: number): number {
  if (kind === KIND.int || kind === KIND.dictionary) return 4
  if (kind === KIND.decimal || kind === KIND.uuid) return 16
  return kind === KIND.long || kind === KIND.real || kind === KIND.datetime || kind === KIND.timespan ? 8 : 0
}

import { type Data, makeData, Utf8 } from 'apache-arrow'

const QUOTE = 0x22
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b])

/**
 * JSON text of a dynamic column as an export wrote it, by the rules of a query's answer: an empty string is null, a
 * string that holds an object or an array is that value, and text that is no JSON is a string. Most columns hold objects
 * only and come back untouched; HOT is the look at the first byte of each value.
 */
export function castDynamic(data: Data<Utf8>): Data<Utf8> {
  const { length, valueOffsets, values } = data
  let row = 0
  while (row < length && (!data.getValid(row) || OPENING.has(values[valueOffsets[row]!]!))) row++
  if (row === length) return data
  const texts = Array.from({ length }, (_, index) =>
    data.getValid(index) ? settled(values, valueOffsets[index]!, valueOffsets[index + 1]!) : undefined,
  )
  const bytes = texts.map((text) => (text === undefined ? undefined : Buffer.from(text, 'utf8')))
  const offsets = new Int32Array(length + 1)
  const bitmap = new Uint8Array((length + 7) >> 3)
  let nullCount = 0
  for (let index = 0; index < length; index++) {
    const part = bytes[index]
    offsets[index + 1] = offsets[index]! + (part?.length ?? 0)
    if (part === undefined) nullCount++
    else bitmap[index >> 3]! |= 1 << (index & 7)
  }
  const joined = Buffer.concat(bytes.filter((part) => part !== undefined))
  return makeData({
    type: new Utf8(),
    length,
    nullCount,
    nullBitmap: nullCount === 0 ? null : bitmap,
    valueOffsets: offsets,
    data: joined,
  })
}

function settled(values: Uint8Array, start: number, end: number): string | undefined {
  const text = Buffer.from(values.buffer, values.byteOffset + start, end - start).toString('utf8')
  const first = values[start]
  if (first !== undefined && start < end && OPENING.has(first)) return text
  const value = parsed(text)
  if (value === undefined) return text === '' ? undefined : JSON.stringify(text)
  if (first !== QUOTE || typeof value.json !== 'string') return text
  if (value.json === '') return undefined
  return /^[{[]/.test(value.json) && parsed(value.json) !== undefined ? value.json : text
}

function parsed(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

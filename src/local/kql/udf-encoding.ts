import { gunzipSync, inflateSync } from 'node:zlib'

import { notSupported } from '../server/local-error.ts'
import { crc32 } from './hashes.ts'
import { isArray, Num, parseJson, type Json } from './json.ts'
import { decodePunycode, encodePunycode } from './punycode.ts'
import { parseGuid } from './types.ts'
import { MAX_BUILT, udf, variadicUdf, type Udf } from './udf-definition.ts'
import { integers } from './udf-string.ts'

export const ENCODING_UDFS: readonly Udf[] = [
  udf('k_url_encode', ['text'], 'text', encodeUrl),
  udf('k_url_encode_component', ['text'], 'text', encodeComponent),
  udf('k_url_decode', ['text'], 'text', decodeUrl),
  udf('k_base64_text', ['text'], 'text', (text) => utf8(decodeBase64(text))),
  udf('k_base64_array', ['text'], 'text', (text) => {
    const bytes = decodeBase64(text)
    return bytes ? `[${[...bytes].join(',')}]` : null
  }),
  udf('k_base64_from_array', ['text'], 'text', (text) => {
    const bytes = integers(parseJson(text))
    return bytes?.every((byte) => byte >= 0n && byte < 256n) ? Buffer.from(bytes.map(Number)).toString('base64') : null
  }),
  udf('k_base64_from_guid', ['text'], 'text', (text) => {
    const guid = parseGuid(text)
    return guid === null ? null : guidBytes(guid).toString('base64')
  }),
  udf('k_punycode_encode', ['text'], 'text', encodePunycode),
  udf('k_punycode_decode', ['text'], 'text', decodePunycode),
  udf('k_domain_from_punycode', ['text'], 'text', (domain) =>
    domain
      .split('.')
      .map((label) => {
        if (/[^\p{ASCII}]/u.test(label)) throw notSupported('punycode of a domain that is not encoded')
        return /^xn--/i.test(label) ? (decodePunycode(label.slice(4)) ?? label) : label
      })
      .join('.'),
  ),
  variadicUdf('k_from_codepoints', 'text?', 'text', (...values) => fromCodepoints(values)),
  udf('k_gzip_compress', ['text'], 'text', (text) => {
    const bytes = Buffer.from(text)
    const tail = Buffer.alloc(8)
    tail.writeUInt32LE(crc32(bytes), 0)
    tail.writeUInt32LE(bytes.length, 4)
    return Buffer.concat([Buffer.from('1f8b08000000000000ff', 'hex'), storedBlock(bytes), tail]).toString('base64')
  }),
  udf('k_zlib_compress', ['text'], 'text', (text) => {
    const bytes = Buffer.from(text)
    const tail = Buffer.alloc(4)
    tail.writeUInt32BE(adler32(bytes), 0)
    return Buffer.concat([Buffer.from('789c', 'hex'), storedBlock(bytes), tail]).toString('base64')
  }),
  udf('k_gzip_decompress', ['text'], 'text', (text) => inflated(text, gunzipSync)),
  udf('k_zlib_decompress', ['text'], 'text', (text) => inflated(text, inflateSync)),
]

/** Bytes of strict base64 (padding required); undefined when it is not that. */
function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64')
}

/** Text of valid UTF-8; null otherwise. */
function utf8(bytes: Buffer | undefined): string | null {
  if (!bytes) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

function guidBytes(guid: string): Buffer {
  const hex = guid.replaceAll('-', '')
  return swapGuid(Buffer.from(hex, 'hex'))
}

/** The first three fields of a guid are little-endian in its bytes. */
function swapGuid(bytes: Buffer): Buffer {
  bytes.subarray(0, 4).reverse()
  bytes.subarray(4, 6).reverse()
  bytes.subarray(6, 8).reverse()
  return bytes
}

/** Characters that stay as they are; the service's treatment of `!*'()~` is not documented. */
const KEPT = /^[A-Za-z0-9\-_.]$/
const UNKNOWN = /[!*'()~]/

function encodeComponent(text: string): string {
  if (UNKNOWN.test(text)) throw notSupported("URL encoding of a text with one of !*'()~")
  return [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return KEPT.test(char) ? char : `%${byte.toString(16).padStart(2, '0')}`
    })
    .join('')
}

/** A blank is `+` here and `%20` in a component. */
function encodeUrl(text: string): string {
  return encodeComponent(text).replaceAll('%20', '+')
}

function decodeUrl(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'))
}

function fromCodepoints(values: readonly (string | null)[]): string | null {
  const points: number[] = []
  for (const text of values) {
    const value: Json | undefined = text === null ? null : parseJson(text)
    const items = isArray(value) ? value : value instanceof Num ? [value] : []
    for (const item of items) {
      if (!(item instanceof Num) || !item.integral) return null
      const point = Number(item.text)
      if (point < 0 || point > 0x10ffff) return null
      points.push(point)
    }
  }
  if (points.length > MAX_BUILT) throw notSupported('so long a text')
  return points.map((point) => String.fromCodePoint(point)).join('')
}

/**
 * Kusto's compressor stores short input as it is, which its documented outputs show; what it makes of longer input
 * depends on the compressor's inner choices and cannot be reproduced.
 */
const MAX_STORED = 27

function storedBlock(bytes: Buffer): Buffer {
  if (bytes.length > MAX_STORED) throw notSupported(`compressing more than ${MAX_STORED} bytes`)
  const header = Buffer.from([1, 0, 0, 0, 0])
  header.writeUInt16LE(bytes.length, 1)
  header.writeUInt16LE(0xffff - bytes.length, 3)
  return Buffer.concat([header, bytes])
}

function adler32(bytes: Buffer): number {
  let a = 1
  let b = 0
  for (const byte of bytes) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  return ((b << 16) | a) >>> 0
}

function inflated(
  text: string,
  inflate: (bytes: Buffer, options: { maxOutputLength: number }) => Buffer,
): string | null {
  const bytes = decodeBase64(text)
  if (!bytes) return null
  try {
    return utf8(inflate(bytes, { maxOutputLength: MAX_BUILT }))
  } catch (error) {
    if (error instanceof RangeError) throw notSupported(`decompressing to more than ${MAX_BUILT} bytes`)
    return null
  }
}

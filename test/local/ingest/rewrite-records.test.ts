import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { delimitedRecords } from '../../../src/local/ingest/rewrite-records.ts'
import { scanDelimited } from '../../../src/local/ingest/scan-delimited.ts'

async function* inPieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

async function* inBytes(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const records = async (text: string, size: number): Promise<readonly (readonly string[])[]> => {
  const all: (readonly string[])[] = []
  for await (const batch of delimitedRecords(inPieces(text, size), ',')) all.push(...batch)
  return all
}

const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é', '😀'), maxLength: 6 })
const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`
const written = fc
  .array(fc.tuple(fc.array(field, { minLength: 1, maxLength: 4 }), fc.constantFrom('\n', '\r\n')), {
    minLength: 1,
    maxLength: 6,
  })
  .map((lines) => ({
    expected: lines.map(([values]) => values),
    text: lines
      .map(([values, end]) => values.map((value) => (/^[aé ]+$/.test(value) ? value : quoted(value))).join(',') + end)
      .join(''),
  }))

describe('splitting records', () => {
  it('gives what was written, wherever the text is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        written,
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        async ({ expected, text }, size, isOpen) => {
          const data = isOpen ? text.replace(/\r?\n$/, '') : text
          expect(await records(data, size)).toEqual(expected)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('agrees with the scan on the number of records and fields, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(written, fc.integer({ min: 1, max: 7 }), async ({ expected, text }, size) => {
        const scan = await scanDelimited(inBytes(text, size), ',')
        expect(scan.records).toBe(expected.length)
        expect(scan.fields).toBe(expected[0]?.length)
        expect(scan.mostFields).toBe(Math.max(...expected.map(({ length }) => length)))
      }),
      { numRuns: 500 },
    )
  })

  it('keeps a lone carriage return and a quote inside a bare field', async () => {
    for (const size of [1, 2, 3, 100])
      expect(await records('a\rb,c"d"\r\n"x",\r\n\r\n,\n', size)).toEqual([
        ['a\rb', 'c"d"'],
        ['x', ''],
        ['', ''],
      ])
  })
})

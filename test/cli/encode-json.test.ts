import { Field, RecordBatch, Schema, Struct, Utf8, makeData, vectorFromArray } from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeJson, encodeNdjson } from '../../src/cli/encode-json.ts'

/** A batch of one column of Kusto's dynamic, as JSON texts. */
function dynamics(texts: readonly (string | null)[]): RecordBatch {
  const field = new Field('d', new Utf8(), true, new Map([['kusto:type', 'dynamic']]))
  const [data] = vectorFromArray(texts, new Utf8()).data
  if (data === undefined) throw new Error('a vector without data')
  const type = new Struct([field])
  return new RecordBatch(new Schema([field]), makeData({ type, length: texts.length, nullCount: 0, children: [data] }))
}

async function text(encode: typeof encodeNdjson, batch: RecordBatch): Promise<string> {
  async function* source(): AsyncGenerator<RecordBatch> {
    yield batch
  }
  const parts: Uint8Array[] = []
  for await (const bytes of encode(source())) parts.push(bytes)
  return Buffer.concat(parts).toString()
}

describe.each([
  ['NDJSON', encodeNdjson],
  ['JSON', encodeJson],
])('%s', (_name, encode) => {
  it('has an object a line, also of dynamic values with line breaks between their parts', async () => {
    const batch = dynamics(['{\n  "a": [1,\r\n\t2],\r"b\\n": "x  y"\n}\n', null, '{"c":  3}'])
    const lines = (await text(encode, batch)).split('\n').filter((line) => line.includes('{'))
    expect(lines.map((line) => line.trim().replace(/,$/, ''))).toEqual([
      String.raw`{"d":{"a": [1,2],"b\n": "x  y"}}`,
      '{"d":null}',
      '{"d":{"c":  3}}',
    ])
  })

  it('gives back any dynamic value, however it was indented', async () => {
    const value = fc.jsonValue({ maxDepth: 4 })
    const indent = fc.constantFrom('', ' ', '\t', '  ')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(value, indent), { minLength: 1, maxLength: 8 }), async (items) => {
        const texts = items.map(([each, by]) =>
          JSON.stringify(each, null, by).replaceAll('\n', by === '\t' ? '\r\n' : '\n'),
        )
        const out = await text(encode, dynamics(texts))
        const lines = out.split('\n').filter((line) => line.trim().startsWith('{'))
        expect(lines.map((line) => JSON.parse(line.replace(/,$/, '')) as unknown)).toEqual(
          items.map(([each]) => JSON.parse(JSON.stringify({ d: each })) as unknown),
        )
      }),
    )
  })
})

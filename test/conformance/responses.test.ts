import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { arrowSchema } from '../../src/arrow/scalar-types.ts'
import { isLimitError } from '../../src/protocol/limit-error.ts'
import type { ResponseOptions } from '../../src/protocol/read-response.ts'
import { chunksOf, collectResponse, eventsOf, type PlainTable } from './collect-response.ts'

/** The form of case.json; fixtures/README.md explains it. */
interface Case {
  readonly about: string
  readonly format: 'v1' | 'v2'
  readonly options?: Omit<ResponseOptions, 'signal'>
  readonly tables?: readonly (Omit<PlainTable, 'lostTicks'> & { readonly lostTicks?: readonly number[] })[]
  readonly properties?: readonly { readonly key: string; readonly value: unknown }[]
  readonly error?: {
    readonly class: string
    readonly code: string
    readonly message: string
    readonly isLimit?: boolean
  }
}

const FOLDER = new URL('../../fixtures/responses/', import.meta.url)
const CHUNK_SIZES = [1, 7, 64, 0]

for (const name of readdirSync(FOLDER).sort()) {
  const bytes = readFileSync(new URL(`${name}/response.json`, FOLDER))
  const expected = JSON.parse(readFileSync(new URL(`${name}/case.json`, FOLDER), 'utf8')) as Case
  describe(`${name}: ${expected.about}`, () => {
    for (const size of CHUNK_SIZES) {
      it(size === 0 ? 'as a whole' : `in chunks of ${size}`, async () => {
        if (expected.error === undefined) await expectTables(bytes, size, expected)
        else await expectError(bytes, size, expected)
      })
    }
    it('in batches of two rows, with the same outcome', async () => {
      const small = { ...expected, options: { ...expected.options, batchRows: 2 } }
      if (expected.error === undefined) await expectTables(bytes, 7, small)
      else await expectError(bytes, 7, small)
    })
  })
}

async function expectTables(bytes: Uint8Array, size: number, expected: Case): Promise<void> {
  const found = await collectResponse(chunksOf(bytes, size), expected.options)
  expect(found.hasEnded).toBe(true)
  const tables = expected.tables ?? []
  expect(found.tables.map(withoutLostTicks)).toEqual(tables.map(withoutLostTicks))
  for (const [index, table] of tables.entries()) {
    if (table.lostTicks !== undefined) expect(found.tables[index]!.lostTicks).toEqual(table.lostTicks)
  }
  if (expected.properties !== undefined) {
    expect(found.properties.map(({ key, value }) => ({ key, value }))).toEqual(expected.properties)
  }
}

function withoutLostTicks({ id, name, columns, rows }: Omit<PlainTable, 'lostTicks'>): object {
  return { id, name, columns, rows }
}

async function expectError(bytes: Uint8Array, size: number, expected: Case): Promise<void> {
  const error: unknown = await collectResponse(chunksOf(bytes, size), expected.options).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: expected.error!.class, code: expected.error!.code })
  expect((error as Error).message).toContain(expected.error!.message)
  expect(isLimitError(error)).toBe(expected.error!.isLimit ?? false)
}

it('puts the schema of a result before its batches, whatever its rows', async () => {
  const bytes = readFileSync(new URL('empty/response.json', FOLDER))
  const events = await eventsOf([bytes])
  const table = events.find((event) => event.kind === 'table')!
  expect(table.schema.toString()).toBe(arrowSchema(table.columns).toString())
  expect(events.map(({ kind }) => kind)).toEqual(['properties', 'table', 'table-end', 'information', 'end'])
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KustoError } from '../../src/errors.ts'
import { collectResponse, type PlainResponse } from '../conformance/collect-response.ts'
import { columnsJson, type ModelTable, rowsJson, SPACE, TABLE, v2Body } from './naive-model.ts'

/** Cuts bytes at arbitrary places; equal places give empty chunks, which must do no harm. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((to, index) => bytes.slice(at[index], to))
}

function expectTable(found: PlainResponse, model: ModelTable): void {
  expect(found.hasEnded).toBe(true)
  expect(found.tables.map(({ rows }) => rows)).toEqual([model.rows.map((row) => row.map(({ plain }) => plain))])
}

const CUTS = fc.array(fc.nat(), { maxLength: 30 })
const BATCH_ROWS = fc.integer({ min: 1, max: 20 })

describe('a response made of arbitrary values', () => {
  it('V2: is read as the model says, however cut, spaced and batched', async () => {
    await fc.assert(
      fc.asyncProperty(TABLE, SPACE, CUTS, BATCH_ROWS, async (table, space, cuts, batchRows) => {
        const bytes = Buffer.from(v2Body(table, { space }))
        expectTable(await collectResponse(cut(bytes, cuts), { batchRows }), table)
      }),
      { numRuns: 400 },
    )
  })

  it('V2 in fragments: is read as the model says, replaced rows gone', async () => {
    const fragments = fc.array(fc.nat({ max: 12 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        TABLE,
        SPACE,
        fragments,
        fc.boolean(),
        CUTS,
        BATCH_ROWS,
        async (table, space, fragments, isReplaced, cuts, batchRows) => {
          const bytes = Buffer.from(v2Body(table, { space, fragments, isReplaced }))
          expectTable(await collectResponse(cut(bytes, cuts), { batchRows }), table)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('V1: is read as the model says', async () => {
    await fc.assert(
      fc.asyncProperty(TABLE, SPACE, CUTS, async (table, space, cuts) => {
        const body = `{"Tables":${space}[{"TableName":"T","Columns":${columnsJson(table)},"Rows":${rowsJson(table.rows, space)}}]}`
        expectTable(await collectResponse(cut(Buffer.from(body), cuts)), table)
      }),
      { numRuns: 100 },
    )
  })

  it('has the same batches for every way of cutting, also when bytes end them', async () => {
    const batches = async (chunks: Iterable<Uint8Array>): Promise<unknown> =>
      (await collectResponse(chunks, { batchBytes: 40 })).tables
    await fc.assert(
      fc.asyncProperty(TABLE, CUTS, async (table, cuts) => {
        const bytes = Buffer.from(v2Body(table, { space: '' }))
        expect(await batches(cut(bytes, cuts))).toEqual(await batches([bytes]))
      }),
      { numRuns: 100 },
    )
  })
})

describe('a damaged response', () => {
  const table = fc.sample(TABLE, { numRuns: 12, seed: 11 }).filter(({ rows }) => rows.length > 2)

  it('cut short anywhere is an error, never a shorter result', async () => {
    for (const model of table.slice(0, 3)) {
      const bytes = Buffer.from(v2Body(model, { space: '' }))
      for (let length = 0; length < bytes.length; length++) {
        await expect(collectResponse([bytes.subarray(0, length)])).rejects.toMatchObject({
          code: 'KUSTO_TRUNCATED_RESPONSE',
        })
      }
    }
  })

  it('with bytes changed, removed or repeated ends in a KustoError or in what JSON.parse makes of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...table),
        fc.array(
          fc.record({
            at: fc.nat(),
            kind: fc.constantFrom('set', 'remove', 'repeat'),
            length: fc.integer({ min: 1, max: 6 }),
            byte: fc.oneof(fc.constantFrom(...Buffer.from('[]{}",:\\0-9.eEntf \n')), fc.nat({ max: 255 })),
          }),
          { minLength: 1, maxLength: 3 },
        ),
        CUTS,
        fc.boolean(),
        async (model, damages, cuts, inFragments) => {
          let bytes = Buffer.from(v2Body(model, { space: '', ...(inFragments ? { fragments: [2] } : {}) }))
          for (const { at, kind, length, byte } of damages) {
            const place = at % bytes.length
            if (kind === 'set') bytes[place] = byte
            else {
              const keep = kind === 'remove' ? place + length : Math.max(0, place - length)
              bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(keep)])
            }
          }
          const outcome = await collectResponse(cut(bytes, cuts)).catch((error: unknown) => error)
          if (outcome instanceof Error) {
            expect(outcome).toBeInstanceOf(KustoError)
            return
          }
          const found = outcome as PlainResponse
          expect(found.hasEnded).toBe(true)
          // What no one reads, frames and tables of unknown kind, is passed over by its brackets, unchecked.
          if (found.tables.length === 0 && !isJson(bytes.toString())) return
          const rows = countPrimaryRows(JSON.parse(bytes.toString()) as Frame[])
          expect(found.tables.reduce((sum, each) => sum + each.rows.length, 0)).toBe(rows)
        },
      ),
      { numRuns: 3000 },
    )
  })
})

interface Frame {
  readonly FrameType?: unknown
  readonly TableKind?: unknown
  readonly TableId?: unknown
  readonly Rows?: unknown[]
}

/** Rows of primary results; frames and tables whose kind the damage made unknown are none. */
function countPrimaryRows(frames: readonly Frame[]): number {
  const isPrimary = ({ TableKind }: Frame): boolean => TableKind === 'PrimaryResult'
  const headers = frames.filter((frame) => frame.FrameType === 'TableHeader' && isPrimary(frame))
  const counted = frames.filter(
    (frame) =>
      (frame.FrameType === 'DataTable' && isPrimary(frame)) ||
      (frame.FrameType === 'TableFragment' && headers.some(({ TableId }) => TableId === frame.TableId)),
  )
  return counted.reduce((sum, frame) => sum + (frame.Rows?.length ?? 0), 0)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

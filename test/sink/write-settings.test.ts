import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writeSettings } from '../../src/sink/write-settings.ts'
import type { WriteOptions } from '../../src/sink/write-settings.ts'

const codeOf = (options: unknown): unknown => {
  try {
    return writeSettings(options as WriteOptions)
  } catch (error) {
    return (error as { readonly code: string }).code
  }
}

/** Every object below a value. */
function parts(value: unknown): readonly object[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return []
  return [value, ...Object.values(value).flatMap(parts)]
}

describe('writeSettings', () => {
  it('copies and freezes what may be changed later', () => {
    const options = {
      dropByTags: ['d'],
      ingestByTags: ['i'],
      additionalTags: ['a'],
      ingestIfNotExists: ['n'],
      creationTime: new Date(0),
      ingestionMapping: [{ column: 'c', ordinal: 0 }],
      validationPolicy: { options: 'DoNotValidate', implications: 'Fail' } as {
        options: 'DoNotValidate'
        implications: 'Fail'
      },
    }
    const settings = writeSettings(options)
    const before = structuredClone({ ...settings, onEvent: undefined })
    for (const list of [options.dropByTags, options.ingestByTags, options.additionalTags, options.ingestIfNotExists]) {
      list.push('later')
    }
    options.creationTime.setTime(1e12)
    options.ingestionMapping[0]!.ordinal = 5
    Object.assign(options.validationPolicy, { implications: 'BestEffort' })
    expect({ ...settings, onEvent: undefined }).toEqual(before)
    const { onEvent: _onEvent, ingestionStorage: _storage, ...own } = settings
    expect(
      parts(own)
        .slice(1)
        .filter((part) => !Object.isFrozen(part)),
    ).toEqual([])
    expect(Object.isFrozen(settings)).toBe(true)
  })

  it('gives no two writes the same list', () => {
    const ingestIfNotExists = ['n']
    const [one, other] = [writeSettings({ ingestIfNotExists }), writeSettings({ ingestIfNotExists })]
    expect(one.ingestIfNotExists).toEqual(other.ingestIfNotExists)
    expect(one.ingestIfNotExists).not.toBe(other.ingestIfNotExists)
  })

  it('counts an option that is undefined as left out', () => {
    const names = Object.keys(writeSettings())
    const options = Object.fromEntries(
      [
        'flushFullBlobs',
        'ingestionMapping',
        'validationPolicy',
        'deduplicateBlobs',
        'inferRows',
        'requestId',
        'explain',
      ].map((name) => [name, undefined]),
    )
    const settings = writeSettings(options)
    expect(Object.keys(settings)).toEqual(names)
    expect({ ...settings, onEvent: 0 }).toEqual({ ...writeSettings(), onEvent: 0 })
  })

  it.each<[string, unknown]>([
    ['a future creationTime', { creationTime: new Date(Date.now() + 3_600_000) }],
    ['an invalid creationTime', { creationTime: new Date(NaN) }],
    ['a creationTime in text', { creationTime: '2020-01-01' }],
    ['a tag that is none', { additionalTags: [null] }],
    ['a flag that is none', { flushFullBlobs: 'yes' }],
    ['an explain that is none', { explain: 'yes' }],
    ['an empty name of blobs', { deduplicateBlobs: ' ' }],
    ['an empty source-location column', { sourceLocationColumn: '' }],
    ['a policy that is none', { validationPolicy: { options: 'Some', implications: 'Fail' } }],
    ['half a policy', { validationPolicy: { options: 'DoNotValidate' } }],
    ['no rows to infer from', { inferRows: 0 }],
    ['a request id with a line break', { requestId: 'a\nb' }],
    ['an empty reference', { ingestionMappingReference: ' ' }],
    [
      'a mapping and a source-location column',
      { ingestionMapping: [{ column: 'a', ordinal: 0 }], sourceLocationColumn: true },
    ],
    ['an unknown name', { ingestionMaping: [] }],
  ])('refuses %s', (_what, options) => {
    expect(codeOf(options)).toBe('KUSTO_BAD_OPTION')
  })

  it('takes any past moment', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('2020-01-01'), noInvalidDate: true }),
        (creationTime) => {
          expect(writeSettings({ creationTime }).creationTime).toEqual(creationTime)
        },
      ),
    )
  })
})

import { describe, expect, it } from 'vitest'
import { formatOfName, INGEST_FORMATS } from '../../src/streaming/ingest-formats.ts'
import type { IngestFormat } from '../../src/streaming/ingest-formats.ts'
import { ingestSettings } from '../../src/streaming/ingest-settings.ts'
import type { IngestOptions } from '../../src/streaming/ingest-settings.ts'

const settingsOf = (options: IngestOptions): ReturnType<typeof ingestSettings> => ingestSettings(options, () => 'csv')
const formats = Object.keys(INGEST_FORMATS) as readonly IngestFormat[]

describe('ingestSettings', () => {
  it('streaming:C44 names the kind of mapping that fits the format, for a stored one and one that goes along', () => {
    const kinds = {
      csv: 'Csv',
      tsv: 'Csv',
      json: 'Json',
      multijson: 'Json',
      avro: 'Avro',
      apacheavro: 'ApacheAvro',
      parquet: 'Parquet',
      orc: 'Orc',
      w3clogfile: 'W3CLogFile',
    } as const
    for (const [format, kind] of Object.entries(kinds) as readonly (readonly [IngestFormat, string])[]) {
      expect(settingsOf({ format, ingestionMappingReference: 'M' }).properties).toMatchObject({
        format,
        ingestionMappingReference: 'M',
        ingestionMappingType: kind,
      })
    }
    const inline = settingsOf({ format: 'json', ingestionMapping: [{ column: 'n', path: '$.n' }] }).properties
    expect(inline.ingestionMappingType).toBe('Json')
    expect(JSON.parse(inline.ingestionMapping ?? '')).toEqual([{ Column: 'n', Properties: { Path: '$.n' } }])
    expect(settingsOf({}).properties).not.toHaveProperty('ingestionMappingType')
  })

  it('streaming:C41 sends no option of the queue when it was dropped', () => {
    const options = { mode: 'streaming', dropUnsupported: true, dropByTags: ['x'], ignoreFirstRecord: true } as const
    const settings = settingsOf(options)
    expect(settings.dropped).toEqual(['dropByTags', 'ignoreFirstRecord'])
    expect(settings.properties).toEqual({ format: 'csv', flushImmediately: false, deleteAfterDownload: true })
  })

  it('streaming:C55 shares nothing with the options it was given', () => {
    const dropByTags = ['a']
    const creationTime = new Date(0)
    const { properties } = settingsOf({ dropByTags, creationTime })
    dropByTags.push('b')
    creationTime.setFullYear(1999)
    expect(properties).toMatchObject({ tags: ['drop-by:a'], creationTime: '1970-01-01T00:00:00.000Z' })
  })

  it('streaming:C4 refuses what is out of range', () => {
    for (const odd of [{ idleTimeoutMs: 0 }, { maxBytes: 2 ** 33 }, { format: 'xlsx' }, { mode: 'fast' }]) {
      expect(() => settingsOf(odd as IngestOptions)).toThrow(new RegExp(Object.keys(odd)[0] ?? ''))
    }
  })
})

describe('formatOfName', () => {
  it('reads the ending, and the one before compression', () => {
    for (const format of formats) {
      for (const extension of INGEST_FORMATS[format].extensions) {
        expect(formatOfName(`a.b.${extension}`)).toBe(format)
        expect(formatOfName(`A.${extension.toUpperCase()}.GZ`)).toBe(format)
        expect(formatOfName(`a.${extension}.zip`)).toBe(format)
      }
    }
    for (const name of ['', 'csv.d/a', 'a.gz', 'a.xlsx', 'constructor']) {
      expect(() => formatOfName(name)).toThrow(/option format/)
    }
  })

  it('streaming:C44 streams the documented formats, JSON and Avro with a mapping', () => {
    const streamed = formats.filter((format) => INGEST_FORMATS[format].streaming !== 'no')
    expect(streamed).toEqual(['csv', 'tsv', 'scsv', 'sohsv', 'psv', 'json', 'multijson', 'avro'])
    const mapped = formats.filter((format) => INGEST_FORMATS[format].streaming === 'with-mapping')
    expect(mapped).toEqual(['json', 'multijson', 'avro'])
  })
})

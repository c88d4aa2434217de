import { describe, expect, it } from 'vitest'

import { SCALAR_FUNCTIONS } from '../../../src/local/kql/scalar-functions.ts'
import type { Sql } from '../../../src/local/kql/sql.ts'
import { parseDatetime, parseTimespan } from '../../../src/local/kql/types.ts'
import type { ScalarName } from '../../../src/local/lang/syntax.ts'
import { lit, NOW_TICKS, sqlBench } from './sql-bench.ts'

const bench = sqlBench()

const { bool, int, long, real, text, dynamic, guid } = lit

function datetime(value: string): Sql {
  const ticks = parseDatetime(value)
  if (ticks === null) throw new Error(`not a datetime: ${value}`)
  return lit.datetime(ticks)
}

function span(value: string): Sql {
  const ticks = parseTimespan(value)
  if (ticks === null) throw new Error(`not a timespan: ${value}`)
  return lit.timespan(ticks)
}

/** A datetime or timespan as the number DuckDB gives. */
function ticks(value: Sql): unknown {
  return value.constant
}

async function version(value: string): Promise<number> {
  return Number(await bench.call('parse_version', [text(value)], 'decimal'))
}

type Case = readonly [name: string, args: readonly Sql[], type: ScalarName, expected: unknown]

function check(cases: readonly Case[]): void {
  it.each(cases)('%s(%#)', async (name, args, type, expected) => {
    const hidden = args.map(({ sql, type: argumentType }) => ({ sql, type: argumentType }))
    const value = await bench.call(name, args, type)
    if (typeof expected === 'number' && Number.isFinite(expected)) expect(value).toBeCloseTo(expected, 12)
    else expect(value).toBe(expected)
    // Functions of which an argument must be a literal say so; all others give the same for a column.
    let same: unknown
    try {
      same = await bench.call(name, hidden, type)
    } catch (error) {
      if (String(error).includes('literal')) return
      throw error
    }
    if (typeof expected !== 'number') expect(same).toEqual(value)
  })
}

describe('conversion and choice', () => {
  check([
    ['tobool', [text('true')], 'bool', true],
    ['toint', [real(2.3)], 'int', 2],
    ['tolong', [text('123')], 'long', 123n],
    ['toreal', [text('123.4')], 'real', 123.4],
    ['toreal', [text('abc')], 'real', null],
    ['tostring', [long(123)], 'string', '123'],
    ['parse_json', [text('{"a": [1, "x"]}')], 'dynamic', '{"a":[1,"x"]}'],
    ['parse_json', [text('{"a":1}')], 'dynamic', '{"a":1}'],
    ['parse_json', [text('not json')], 'dynamic', '"not json"'],
    ['parse_json', [text('')], 'dynamic', null],
    ['dynamic_to_json', [dynamic('{"b":1,"a":{"d":2,"c":[3]}}')], 'string', '{"a":{"c":[3],"d":2},"b":1}'],
    ['gettype', [text('a')], 'string', 'string'],
    ['gettype', [dynamic('[1]')], 'string', 'array'],
    ['gettype', [dynamic('{}')], 'string', 'dictionary'],
    ['iff', [bool(null), long(1), long(2)], 'long', 2n],
    ['case', [bool(false), text('a'), bool(true), text('b'), text('c')], 'string', 'b'],
    ['coalesce', [long(null), long(41), long(43)], 'long', 41n],
    ['coalesce', [text(''), text('x')], 'string', 'x'],
    ['isnull', [long(null)], 'bool', true],
    ['isnull', [text('')], 'bool', false],
    ['isempty', [text('')], 'bool', true],
    ['isempty', [dynamic('""')], 'bool', true],
    ['isnotempty', [dynamic('[]')], 'bool', true],
    ['not', [bool(true)], 'bool', false],
    ['estimate_data_size', [long(1), text('1234567890')], 'long', 18n],
  ])

  it('fails the query when an assertion does not hold', async () => {
    await expect(bench.call('assert', [bool(false), text('too short')], 'bool')).rejects.toThrow(/too short/)
  })
})

describe('numbers', () => {
  check([
    ['abs', [long(-5)], 'long', 5n],
    ['abs', [span('-00:01:00')], 'timespan', 600_000_000n],
    ['acos', [real(2)], 'real', null],
    ['sqrt', [real(-1)], 'real', null],
    ['log', [real(0)], 'real', Number.NEGATIVE_INFINITY],
    ['log', [real(-1)], 'real', null],
    ['log2', [real(8)], 'real', 3],
    ['exp2', [long(3)], 'real', 8],
    ['exp10', [long(3)], 'real', 1000],
    ['pow', [long(2), long(-2)], 'real', 0.25],
    ['sign', [long(-42)], 'real', -1],
    ['round', [real(2.98765), long(3)], 'real', 2.988],
    ['round', [real(-2.5)], 'real', -3],
    ['ceiling', [real(-1.1)], 'real', -1],
    ['bin', [real(4.5), long(1)], 'real', 4],
    ['bin', [long(-3), long(2)], 'long', -4n],
    ['bin', [datetime('1970-05-11 13:45:07'), span('1d')], 'datetime', ticks(datetime('1970-05-11'))],
    ['bin', [span('16d'), span('7d')], 'timespan', ticks(span('14d'))],
    ['bin_at', [real(6.5), real(2.5), long(7)], 'real', 4.5],
    ['bin_at', [span('1h'), span('1d'), span('12h')], 'timespan', -432_000_000_000n],
    [
      'bin_at',
      [datetime('2017-05-17 10:20'), span('7d'), datetime('2017-06-04')],
      'datetime',
      ticks(datetime('2017-05-14')),
    ],
    ['max_of', [long(10), long(null), long(17)], 'long', 17n],
    ['min_of', [long(null), long(null)], 'long', null],
    ['gamma', [long(5)], 'real', 24],
    ['gamma', [long(0)], 'real', Number.NaN],
    ['loggamma', [long(5)], 'real', 3.178053830347946],
    ['erf', [real(0.5)], 'real', 0.5204998778130465],
    ['erf', [real(3)], 'real', 0.9999779095030014],
    ['erfc', [real(-1)], 'real', 1.842700792949715],
    ['beta_cdf', [real(0.9), real(10), real(20)], 'real', 0.999999999999959],
    ['beta_inv', [real(0.1), real(10), real(20)], 'real', 0.226415022388749],
    ['beta_inv', [real(1.5), real(10), real(20)], 'real', null],
    ['beta_pdf', [real(0.5), real(10), real(20)], 'real', 0.746176019310951],
    ['around', [long(105), long(100), long(5)], 'bool', true],
    ['around', [datetime('2020-01-01 00:01'), datetime('2020-01-01'), span('30s')], 'bool', false],
    ['welch_test', [real(1), real(1), long(10), real(1), real(1), long(10)], 'real', 1],
    ['isnan', [real(Number.NaN)], 'bool', true],
    ['isfinite', [real(Number.POSITIVE_INFINITY)], 'bool', false],
    ['binary_and', [long(6), long(3)], 'long', 2n],
    ['binary_xor', [long(1), long(2)], 'long', 3n],
    ['binary_not', [long(100)], 'long', -101n],
    ['binary_shift_left', [long(1), long(63)], 'long', -(2n ** 63n)],
    ['binary_shift_right', [long(-8), long(1)], 'long', -4n],
    ['bitset_count_ones', [long(-1)], 'long', 64n],
    ['convert_angle', [real(1.2), text('Degree'), text('Arcminute')], 'real', 72],
    ['convert_temperature', [real(100), text('DegreeCelsius'), text('DegreeFahrenheit')], 'real', 212],
    ['convert_volume', [real(1.2), text('CubicMeter'), text('AcreFoot')], 'real', 0.0009728568],
    ['convert_mass', [real(1.2), text('Kilogram'), text('Pound')], 'real', 2.645547146219],
    ['tohex', [long(256)], 'string', '100'],
    ['tohex', [long(-256)], 'string', 'ffffffffffffff00'],
    ['tohex', [int(-256), long(8)], 'string', 'ffffff00'],
    ['tohex', [long(256), long(8)], 'string', '00000100'],
  ])

  it('refuses units it does not have', async () => {
    await expect(bench.call('convert_length', [real(1), text('Meter'), text('Cubit')], 'real')).rejects.toThrow(
      /not supported/,
    )
  })
})

describe('strings', () => {
  check([
    ['strcat', [text('a'), long(1), span('1s')], 'string', 'a100:00:01'],
    ['strcat_delim', [text('-'), long(1), text('A')], 'string', '1-A'],
    ['strcat_array', [dynamic('[1,"a",null]'), text('->')], 'string', '1->a->'],
    ['strlen', [text('⒦⒰⒮⒯⒪')], 'long', 5n],
    ['string_size', [text('⒦⒰⒮⒯⒪')], 'long', 15n],
    ['substring', [text('123456'), long(1)], 'string', '23456'],
    ['substring', [text('123456'), long(2), long(2)], 'string', '34'],
    ['substring', [text('123456'), long(-2), long(2)], 'string', '56'],
    ['substring', [text('abc'), long(9)], 'string', ''],
    ['indexof', [text('abcdefg'), text('cde')], 'long', 2n],
    ['indexof', [text('abcdefg'), text('cde'), long(0), long(3)], 'long', -1n],
    ['indexof', [text('abcdefg'), text('cde'), long(1), long(-1)], 'long', 2n],
    ['indexof', [long(1_234_567), long(5), long(1), long(4)], 'long', 4n],
    ['indexof', [text('abcabcabc'), text('abc'), long(1), long(-1), long(2)], 'long', 6n],
    ['indexof_regex', [text('abcabcdefg'), text('a.c'), long(0), long(9), long(2)], 'long', 3n],
    ['indexof_regex', [text('ababaa'), text('a.a'), long(0), long(-1), long(2)], 'long', -1n],
    ['indexof_regex', [text('abcabc'), text('a|ab'), long(-1)], 'long', null],
    ['extract', [text('x=([0-9.]+)'), long(1), text('hello x=45.6|wo')], 'string', '45.6'],
    ['extract', [text('x=([0-9.]+)'), long(1), text('nothing')], 'string', ''],
    ['extract', [text('(\\d+)'), long(1), text('n 12')], 'int', 12],
    ['extract_all', [text('(\\d+)'), text('a set of numbers: 123, 567 and 789')], 'dynamic', '["123","567","789"]'],
    [
      'extract_all',
      [text('(?P<k>\\w)=(\\d)'), dynamic('[2,"k"]'), text('a=1 b=2')],
      'dynamic',
      '[["1","a"],["2","b"]]',
    ],
    ['extract_all', [text('(x)'), text('none')], 'dynamic', null],
    ['extract_json', [text('$.a[1].b'), text('{"a":[0,{"b":7}]}')], 'long', 7n],
    ['replace_string', [text('a.a'), text('.'), text('-')], 'string', 'a-a'],
    ['replace_regex', [text('Number is 1'), text('is (\\d+)'), text('was: \\1')], 'string', 'Number was: 1'],
    ['replace_strings', [text('ab'), dynamic('["a","b"]'), dynamic('["b","a"]')], 'string', 'ba'],
    ['regex_quote', [text('(so$me.Te^xt)')], 'string', '\\(so\\$me\\.Te\\^xt\\)'],
    ['reverse', [real(123.45)], 'string', '54.321'],
    ['split', [text('aa_bb'), text('_')], 'dynamic', '["aa","bb"]'],
    ['split', [text('aaa_bbb_ccc'), text('_'), long(1)], 'dynamic', '["bbb"]'],
    ['split', [text(''), text('_')], 'dynamic', '[""]'],
    ['trim', [text('--'), text('--https://bing.com--')], 'string', 'https://bing.com'],
    ['trim', [text('[^\\w]+'), text('-  Te st1// $')], 'string', 'Te st1'],
    ['trim_start', [text('a'), text('aab')], 'string', 'b'],
    ['trim_end', [text('.com'), text('bing.com')], 'string', 'bing'],
    ['strcmp', [text('ABC'), text('abc')], 'long', -1n],
    ['strrep', [text('ABC'), long(2), text(', ')], 'string', 'ABC, ABC'],
    ['strrep', [text('ABC'), long(0)], 'string', ''],
    ['countof', [text('aaaa'), text('aa')], 'long', 3n],
    ['countof', [text('abcabc'), text('a.c'), text('regex')], 'long', 2n],
    ['translate', [text('krasp'), text('otsku'), text('spark')], 'string', 'kusto'],
    ['translate', [text('abc'), text('x'), text('abc')], 'string', 'xxx'],
    ['translate', [text('abc'), text(''), text('ab')], 'string', ''],
    ['has_any_index', [text('this is an example'), dynamic('["not","example"]')], 'long', 1n],
    ['has_any_index', [text('this is'), dynamic('["thi"]')], 'long', -1n],
    ['isascii', [text('é')], 'bool', false],
    ['format_bytes', [long(10_332), long(1)], 'string', '10.1 KB'],
    ['format_bytes', [long(20_010_332), long(0), text('KB')], 'string', '19541 KB'],
    ['parse_csv', [text('aa,"b,b","q ""T"""')], 'dynamic', '["aa","b,b","q \\"T\\""]'],
    ['parse_urlquery', [text('k1=v1&k2=')], 'dynamic', '{"Query Parameters":{"k1":"v1","k2":""}}'],
    [
      'parse_command_line',
      [text('echo "hello world!" a\\"b'), text('windows')],
      'dynamic',
      '["echo","hello world!","a\\"b"]',
    ],
    ['parse_version', [text('x.1')], 'decimal', null],
    [
      'parse_xml',
      [text('<?xml version="1.0"?><e a="1&amp;2"> hi <b>x</b><b/><!-- c --></e>')],
      'dynamic',
      '{"e":{"@a":"1&2","#text":"hi","b":["x",null]}}',
    ],
    ['parse_xml', [text('<a><b></a>')], 'dynamic', null],
    ['url_encode_component', [text('https://a.b/c d')], 'string', 'https%3a%2f%2fa.b%2fc%20d'],
    ['url_encode', [text('a b')], 'string', 'a+b'],
    ['url_decode', [text('https%3a%2f%2fwww.bing.com%2f')], 'string', 'https://www.bing.com/'],
    ['base64_encode_tostring', [text('Kusto')], 'string', 'S3VzdG8='],
    ['base64_decode_tostring', [text('S3VzdG8=')], 'string', 'Kusto'],
    ['base64_decode_tostring', [text('U3RyaW5n0KHR0tGA0L7Rh9C60LA=')], 'string', ''],
    ['base64_decode_toarray', [text('S3VzdG8=')], 'dynamic', '[75,117,115,116,111]'],
    ['base64_encode_fromguid', [guid('ae3133f2-6e22-49ae-b06a-16e6a9b212eb')], 'string', '8jMxriJurkmwahbmqbIS6w=='],
    ['punycode_from_string', [text('académie-française')], 'string', 'acadmie-franaise-npb1a'],
    ['punycode_to_string', [text('acadmie-franaise-npb1a')], 'string', 'académie-française'],
    ['punycode_domain_from_string', [text('xn--Ge-mia.Bulg.edu')], 'string', 'Gáe.Bulg.edu'],
    ['unicode_codepoints_from_string', [text('aé😀')], 'dynamic', '[97,233,128512]'],
    ['unicode_codepoints_to_string', [long(72), dynamic('[105,128512]')], 'string', 'Hi😀'],
    [
      'gzip_compress_to_base64_string',
      [text('1234567890qwertyuiop')],
      'string',
      'H4sIAAAAAAAA/wEUAOv/MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA==',
    ],
    ['zlib_decompress_from_base64_string', [text('eJwLSS0uUSguKcrMS1cwNDIGACxqBQ4=')], 'string', 'Test string 123'],
    ['zlib_decompress_from_base64_string', [text('x0x0x0')], 'string', ''],
  ])

  it('orders versions by the decimals parse_version gives', async () => {
    expect(await version('0.10')).toBeGreaterThan(await version('0.9.9'))
    expect(await version('99999999.1')).toBeGreaterThan(await version('99999998.99999999'))
    expect(await version('1')).toBe(await version('1.0.0.0'))
  })

  it('refuses to compress what the service compresses in its own way', async () => {
    await expect(bench.call('gzip_compress_to_base64_string', [text('a'.repeat(28))], 'string')).rejects.toThrow(
      /not supported/,
    )
  })
})

describe('datetimes', () => {
  const dt = datetime('2017-10-30 01:02:03.7654321')
  const part = (name: string, expected: number): Case => ['datetime_part', [text(name), dt], 'int', expected]
  const diff = (name: string, a: string, b: string, expected: bigint): Case => [
    'datetime_diff',
    [text(name), datetime(a), datetime(b)],
    'long',
    expected,
  ]
  check([
    ['now', [], 'datetime', NOW_TICKS],
    ['ago', [span('1d')], 'datetime', NOW_TICKS - 864_000_000_000n],
    [
      'datetime_add',
      [text('month'), long(1), datetime('2017-01-31 10:00:00.0000001')],
      'datetime',
      ticks(datetime('2017-02-28 10:00:00.0000001')),
    ],
    ['datetime_add', [text('year'), long(-1), datetime('2016-02-29')], 'datetime', ticks(datetime('2015-02-28'))],
    ['datetime_add', [text('Week'), long(2), datetime('2017-01-01')], 'datetime', ticks(datetime('2017-01-15'))],
    diff('year', '2017-01-01', '2000-12-31', 17n),
    diff('quarter', '2017-07-01', '2017-03-30', 2n),
    diff('month', '2017-01-01', '2015-12-30', 13n),
    diff('week', '2017-10-29 00:00', '2017-09-30 23:59', 5n),
    diff('day', '2017-10-29 00:00', '2017-09-30 23:59', 29n),
    diff('hour', '2017-10-31 01:00', '2017-10-30 23:59', 2n),
    diff('minute', '2017-10-30 23:05:01', '2017-10-30 23:00:59', 5n),
    diff('second', '2017-10-30 23:00:10.100', '2017-10-30 23:00:00.900', 10n),
    diff('nanosecond', '2017-10-30 23:00:10.0000000', '2017-10-30 23:00:10.0000007', -700n),
    part('quarter', 4),
    part('week_of_year', 44),
    part('dayOfYear', 303),
    part('microsecond', 765_432),
    part('nanosecond', 765_432_100),
    ['startofweek', [datetime('2017-01-01 10:10:17'), long(-1)], 'datetime', ticks(datetime('2016-12-25'))],
    ['startofmonth', [datetime('2017-03-31 10:10:17'), long(-1)], 'datetime', ticks(datetime('2017-02-01'))],
    ['endofday', [datetime('2017-01-01 10:10:17')], 'datetime', ticks(datetime('2017-01-01 23:59:59.9999999'))],
    ['endofyear', [datetime('2017-01-01 10:10:17')], 'datetime', ticks(datetime('2017-12-31 23:59:59.9999999'))],
    ['dayofweek', [datetime('2015-12-14')], 'timespan', 864_000_000_000n],
    ['week_of_year', [datetime('2020-12-31')], 'int', 53],
    ['hourofday', [datetime('2015-12-14 18:54')], 'int', 18],
    [
      'make_datetime',
      [long(2017), long(10), long(1), long(12), long(11), real(0.1234567)],
      'datetime',
      ticks(datetime('2017-10-01 12:11:00.1234567')),
    ],
    ['make_datetime', [long(2017), long(2), long(30)], 'datetime', null],
    ['make_timespan', [long(1), long(12), long(30), real(55.123)], 'timespan', ticks(span('1.12:30:55.123'))],
    ['unixtime_milliseconds_todatetime', [long(1_546_300_800_000)], 'datetime', ticks(datetime('2019-01-01'))],
    ['unixtime_seconds_todatetime', [long(2n ** 45n)], 'datetime', null],
    [
      'datetime_utc_to_local',
      [datetime('2020-07-01 12:00:00.0000001'), text('Europe/Paris')],
      'datetime',
      ticks(datetime('2020-07-01 14:00:00.0000001')),
    ],
    [
      'datetime_local_to_utc',
      [datetime('2022-03-27 02:00'), text('Europe/Brussels')],
      'datetime',
      ticks(datetime('2022-03-27 00:00')),
    ],
    [
      'datetime_local_to_utc',
      [datetime('2020-02-02 20:02:20'), text('US/Pacific')],
      'datetime',
      ticks(datetime('2020-02-03 04:02:20')),
    ],
    [
      'format_datetime',
      [datetime('2017-01-29 09:00:05'), text('yy-MM-dd [hh:mm:ss tt]')],
      'string',
      '17-01-29 [09:00:05 AM]',
    ],
    [
      'format_datetime',
      [datetime('2017-01-29 00:00:05.12'), text('yyyy-M-d h:m:s.fff FFFF')],
      'string',
      '2017-1-29 12:0:5.120 12',
    ],
    ['format_timespan', [span('29.09:00:05.12345'), text('ddd.h:mm:ss [fffffff]')], 'string', '029.9:00:05 [1234500]'],
  ])

  it('refuses format specifiers it does not know', async () => {
    await expect(bench.call('format_datetime', [dt, text('yyyy MMMM')], 'string')).rejects.toThrow(/not supported/)
  })
})

describe('arrays and bags', () => {
  const array = dynamic('[1,2,3,4,5]')
  check([
    [
      'pack_array',
      [long(1), text('2'), span('2s'), real(Number.NaN), lit.long(null)],
      'dynamic',
      '[1,"2","00:00:02","NaN",null]',
    ],
    ['bag_pack', [text('Level'), text('Info'), text('n'), long(1234)], 'dynamic', '{"Level":"Info","n":1234}'],
    ['array_length', [array], 'long', 5n],
    ['array_length', [dynamic('21')], 'long', null],
    ['array_concat', [array, dynamic('[6]')], 'dynamic', '[1,2,3,4,5,6]'],
    ['array_iff', [dynamic('[true,false,true]'), dynamic('[1,2]'), long(0)], 'dynamic', '[1,0,null]'],
    ['array_index_of', [dynamic('["a","b","a"]'), text('a'), long(1)], 'long', 2n],
    ['array_index_of', [array, long(9)], 'long', -1n],
    ['array_rotate_left', [array, long(-2)], 'dynamic', '[4,5,1,2,3]'],
    ['array_rotate_right', [array, long(2)], 'dynamic', '[4,5,1,2,3]'],
    ['array_shift_left', [array, long(2)], 'dynamic', '[3,4,5,null,null]'],
    ['array_shift_right', [array, long(2), long(-1)], 'dynamic', '[-1,-1,1,2,3]'],
    ['array_slice', [array, long(2), long(-2)], 'dynamic', '[3,4]'],
    ['array_slice', [array, long(-3), long(-2)], 'dynamic', '[3,4]'],
    ['array_sort_asc', [dynamic('[null,"d","a",null,10,9]')], 'dynamic', '[9,10,"a","d",null,null]'],
    ['array_sort_desc', [dynamic('[null,"d","a"]'), bool(false)], 'dynamic', '[null,"d","a"]'],
    ['array_sort_asc', [dynamic('[3,1,2]'), dynamic('["c","a","b"]')], 'dynamic', '[[1,2,3],["a","b","c"]]'],
    ['array_split', [array, dynamic('[1,3]')], 'dynamic', '[[1],[2,3],[4,5]]'],
    ['array_split', [array, long(-2)], 'dynamic', '[[1,2,3],[4,5]]'],
    ['array_sum', [dynamic('[1,2.5]')], 'real', 3.5],
    ['zip', [dynamic('["A",1,1.5]'), dynamic('[{},"B"]')], 'dynamic', '[["A",{}],[1,"B"],[1.5,null]]'],
    ['set_union', [dynamic('[1,2,2]'), dynamic('[2.0,3]')], 'dynamic', '[1,2,3]'],
    ['set_intersect', [dynamic('[1,2,3]'), dynamic('[3,2]')], 'dynamic', '[2,3]'],
    ['set_difference', [dynamic('[1,2,3,4]'), dynamic('[2]'), dynamic('[4]')], 'dynamic', '[1,3]'],
    ['set_has_element', [dynamic('["this","is"]'), text('is')], 'bool', true],
    ['jaccard_index', [dynamic('[1,2,3]'), dynamic('[1,2,3,4]')], 'real', 0.75],
    ['bag_keys', [dynamic('{"a":1,"b":{"c":2}}')], 'dynamic', '["a","b"]'],
    ['bag_has_key', [dynamic('{"a":{"b":1}}'), text('$.a.b')], 'bool', true],
    ['bag_has_key', [dynamic('{"a":{"b":1}}'), text('b')], 'bool', false],
    ['bag_merge', [dynamic('{"A":1,"B":2}'), dynamic('{"B":3,"C":4}')], 'dynamic', '{"A":1,"B":2,"C":4}'],
    ['bag_remove_keys', [dynamic('{"a":1,"b":{"c":2,"d":3}}'), dynamic('["$.b.c","a"]')], 'dynamic', '{"b":{"d":3}}'],
    ['bag_set_key', [dynamic('{"a":1}'), text('a'), text('x')], 'dynamic', '{"a":"x"}'],
    ['bag_zip', [dynamic('["a",8,"b"]'), dynamic('[1,"2",2.5]')], 'dynamic', '{"a":1,"b":2.5}'],
    ['treepath', [dynamic('{"p":[{"a":"b"}],"q":1}')], 'dynamic', `["['p']","['p'][0]","['p'][0]['a']","['q']"]`],
    ['range', [long(1), long(8), long(3)], 'dynamic', '[1,4,7]'],
    ['range', [long(3), long(1), long(-1)], 'dynamic', '[3,2,1]'],
    ['range', [long(1), long(3), long(0)], 'dynamic', null],
    ['range', [long(1), long(null)], 'dynamic', null],
    ['range', [real(0.5), long(2), real(0.5)], 'dynamic', '[0.5,1.0,1.5,2.0]'],
    ['range', [span('1h'), span('3h'), span('1h')], 'dynamic', '["01:00:00","02:00:00","03:00:00"]'],
    ['repeat', [text('a'), long(3)], 'dynamic', '["a","a","a"]'],
    ['repeat', [long(1), long(-1)], 'dynamic', null],
  ])

  it('stops an endless range at the limit of Kusto', async () => {
    const made = await bench.call('range', [long(1), long(2n ** 62n)], 'dynamic')
    expect(String(made).split(',')).toHaveLength(1_048_576)
  })

  it('refuses to build more than the process can hold', async () => {
    await expect(bench.call('repeat', [text('x'.repeat(100)), long(1_000_000)], 'dynamic')).rejects.toThrow(/beyond/)
  })
})

describe('addresses', () => {
  check([
    ['parse_ipv4', [text('192.168.1.1/24')], 'long', 3_232_235_776n],
    ['parse_ipv4', [text('300.1.1.1')], 'long', null],
    ['parse_ipv4_mask', [text('127.0.0.1'), long(24)], 'long', 2_130_706_432n],
    ['ipv4_compare', [text('192.168.1.1/24'), text('192.168.1.255'), long(31)], 'long', 0n],
    ['ipv4_compare', [text('127.0.0.1'), text('127.0.0.2')], 'long', -1n],
    ['ipv4_is_match', [text('127.0.0.1'), text('x')], 'bool', null],
    ['ipv4_is_in_range', [text('192.168.1.6'), text('192.168.1.1/24')], 'bool', true],
    ['ipv4_is_in_any_range', [text('127.0.0.1'), dynamic('["127.0.0.1","192.168.1.1"]')], 'bool', true],
    ['ipv4_is_private', [text('172.31.0.1')], 'bool', true],
    ['ipv4_netmask_suffix', [text('10.1.2.3')], 'long', 32n],
    [
      'ipv4_range_to_cidr_list',
      [text('1.1.128.0'), text('1.1.140.255')],
      'dynamic',
      '["1.1.128.0/21","1.1.136.0/22","1.1.140.0/24"]',
    ],
    ['format_ipv4', [long(3_232_236_031), long(24)], 'string', '192.168.1.0'],
    ['format_ipv4_mask', [text('192.168.1.1/24'), long(32)], 'string', '192.168.1.0/24'],
    ['has_ipv4', [text('05:04:54 127.0.0.1 GET'), text('127.0.0.1')], 'bool', true],
    ['has_ipv4', [text('05:04:54127.0.0.1 GET'), text('127.0.0.1')], 'bool', false],
    ['has_ipv4_prefix', [text('x 127.0.0.1'), text('127.0')], 'bool', false],
    ['has_any_ipv4_prefix', [text('x 127.0.0.1'), dynamic('["1.","127.0."]')], 'bool', true],
    ['ipv6_compare', [text('fe80::85d:e82c:9446:7994'), text('fe80::85d:e82c:9446:7995'), long(127)], 'long', 0n],
    ['ipv6_compare', [text('192.168.1.1'), text('::ffff:c0a8:0102')], 'long', -1n],
    ['ipv6_is_match', [text('::192.168.1.1/30'), text('192.168.1.255/24')], 'bool', true],
    ['parse_ipv6', [text('127.0.0.1')], 'string', '0000:0000:0000:0000:0000:ffff:7f00:0001'],
    [
      'parse_ipv6_mask',
      [text('fe80::85d:e82c:9446:7994/120'), long(124)],
      'string',
      'fe80:0000:0000:0000:085d:e82c:9446:7900',
    ],
    ['parse_ipv6', [text('1::2::3')], 'string', ''],
  ])
})

describe('hashes', () => {
  check([
    ['hash', [text('World')], 'long', 1_846_988_464_401_551_951n],
    ['hash', [text('World'), long(100)], 'long', 51n],
    ['hash', [datetime('2015-01-01')], 'long', 1_380_966_698_541_616_202n],
    ['hash_xxhash64', [text('Hello')], 'long', 753_694_413_698_530_628n],
    ['hash_md5', [text('World')], 'string', 'f5a7924e621e84c9280a9a27e1bcb7f6'],
    ['hash_md5', [datetime('2020-01-01')], 'string', '786c530672d1f8db31fee25ea8a9390b'],
    ['hash_sha1', [text('World')], 'string', '70c07ec18ef89c5309bbb0937f3a6342411e1fdd'],
    ['hash_sha256', [text('World')], 'string', '78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524'],
  ])

  it.each([real(1), guid('ae3133f2-6e22-49ae-b06a-16e6a9b212eb'), bool(true), dynamic('1')])(
    'refuses a type whose hashed bytes are not documented (%#)',
    async (value) => {
      await expect(bench.call('hash', [value], 'long')).rejects.toThrow(/not supported/)
    },
  )

  it('keeps a hash modulo within its range when the hash is negative', async () => {
    const worst = await bench.value(
      `min(h) || ' ' || max(h)`,
      `(SELECT ${SCALAR_FUNCTIONS.get('hash')?.([{ sql: 'i', type: 'long' }, long(7)], { name: 'hash', resultType: 'long', nowTicks: 0n })} h FROM range(1000) r(i))`,
    )
    expect(worst).toBe('0 6')
  })
})

/** Where a value is not what it should be: what was expected there, and what was found. */
export interface ShapeFault {
  /** As `runs[1].measures.seconds`; empty for the whole. */
  readonly path: string
  readonly expected: string
  readonly found: unknown
}

type Check = (value: unknown, path: string) => ShapeFault | undefined

const text = primitive('a text', (value) => typeof value === 'string')
const number = primitive('a number', (value) => typeof value === 'number')
const flag = primitive('true or false', (value) => typeof value === 'boolean')

const interval = fields({ low: number, high: number })
const spread = fields({ median: number, q1: number, q3: number, interval: optional(interval) })
const moved = { rows: number, bytes: number, blobs: number, requests: number }
const phaseSample = fields({ seconds: number, sharedSeconds: number, ...moved, peakMemoryBytes: number })
const phaseSummary = fields({
  seconds: spread,
  sharedSeconds: number,
  ...moved,
  rowsPerSecond: number,
  bytesPerSecond: number,
  peakMemoryBytes: number,
})
const measures = fields({
  seconds: number,
  cpuSeconds: number,
  ...moved,
  startMemoryBytes: number,
  peakMemoryBytes: number,
  phases: each(phaseSample),
  afterSeconds: number,
})
const run = fields({
  configuration: text,
  round: number,
  outcome: oneOf('warm-up', 'measured', 'different', 'failed'),
  measures: optional(measures),
  answer: optional(number),
  error: optional(fields({ code: text, message: text })),
})
const summary = fields({
  configuration: text,
  runs: number,
  failed: number,
  different: number,
  seconds: spread,
  rowsPerSecond: spread,
  bytesPerSecond: spread,
  cpuSeconds: number,
  ...moved,
  peakMemoryBytes: spread,
  afterSeconds: number,
  phases: each(phaseSummary),
})
const parameter = primitive('a text or a number', (value) => typeof value === 'string' || typeof value === 'number')

/** Tells where a value is no `BenchmarkResult` of version 1; further fields may be there. */
export const benchmarkFault: (value: unknown) => ShapeFault | undefined = (value) => RESULT(value, '')

const RESULT: Check = fields({
  kind: oneOf('kusto-arrow/benchmark'),
  version: primitive('1', (value) => value === 1),
  subject: oneOf('export', 'write'),
  startedAt: text,
  seconds: number,
  end: oneOf('complete', 'time', 'rows', 'bytes', 'aborted'),
  versions: each(text),
  machine: fields({ cpu: text, cores: number, memoryBytes: number, platform: text, node: text, load: number }),
  service: fields({ host: text, database: text, isEmbedded: flag }),
  data: text,
  plan: fields({
    repetitions: number,
    warmups: number,
    seed: number,
    maxSeconds: number,
    maxRows: number,
    maxBytes: number,
  }),
  phases: list(text),
  configurations: list(fields({ id: text, label: text, parameters: each(parameter) })),
  answers: list(fields({ rows: number, columns: each(text) })),
  runs: list(run),
  summaries: list(summary),
  recommendation: fields({ isDecided: flag, configuration: optional(text), tied: list(text), sentence: text }),
})

function primitive(expected: string, isOne: (value: unknown) => boolean): Check {
  return (value, path) => (isOne(value) ? undefined : { path, expected, found: value })
}

function oneOf(...words: readonly string[]): Check {
  return primitive(words.join(' or '), (value) => typeof value === 'string' && words.includes(value))
}

function optional(check: Check): Check {
  return (value, path) => (value === undefined ? undefined : check(value, path))
}

function list(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return { path, expected: 'a list', found: value }
    return first(value.entries(), (index, item) => check(item, `${path}[${index}]`))
  }
}

/** An object whose every value is of one shape. */
function each(check: Check): Check {
  return (value, path) => {
    if (!isObject(value)) return { path, expected: 'an object', found: value }
    return first(Object.entries(value), (name, item) => check(item, `${path}.${name}`))
  }
}

function fields(checks: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (!isObject(value)) return { path, expected: 'an object', found: value }
    return first(Object.entries(checks), (name, check) => check(value[name], path === '' ? name : `${path}.${name}`))
  }
}

function first<K, V>(
  entries: Iterable<readonly [K, V]>,
  check: (key: K, item: V) => ShapeFault | undefined,
): ShapeFault | undefined {
  for (const [key, item] of entries) {
    const fault = check(key, item)
    if (fault !== undefined) return fault
  }
  return undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

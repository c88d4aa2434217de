import { KustoError, KustoIngestError, KustoServiceError } from '../errors.ts'
import { adviceFor } from './error-advice.ts'

/** An error as the command line tells it. */
export interface DescribedError {
  readonly message: string
  /** What helps: the next step, ids. */
  readonly lines: readonly string[]
  /** What is behind it, for `--verbose`. */
  readonly causes: readonly string[]
  readonly document: Readonly<Record<string, unknown>>
}

/** The facts of an error and what to do next; of a service's error its ids. No stack. */
export function describeError(error: unknown, exitCode: number): DescribedError {
  const message = fileTrouble(error) ?? (error instanceof Error ? oneLine(error.message) : String(error))
  if (!(error instanceof KustoError)) {
    return { message, lines: [], causes: causesOf(error), document: { message, exitCode } }
  }
  const { code, retryable, context } = error
  const next = adviceFor(code)
  const service = error instanceof KustoServiceError ? error : undefined
  const failures = error instanceof KustoIngestError ? error.failures : []
  const lines = [
    ...failures.map((failure) =>
      [failure.sourceId, failure.status, failure.errorCode, failure.details].filter(Boolean).join(' '),
    ),
    code === 'CLI_USAGE'
      ? undefined
      : `code ${code}${service?.innerCode === undefined ? '' : `, ${service.innerCode}`}${retryable ? '; the same command may succeed later' : ''}`,
    context.clientRequestId === undefined ? undefined : `request ${context.clientRequestId}`,
    service?.activityId === undefined ? undefined : `activity ${service.activityId}`,
    next === undefined ? undefined : `next: ${next}`,
  ].filter((line) => line !== undefined)
  return {
    message,
    lines,
    causes: causesOf(error),
    document: {
      code,
      message,
      exitCode,
      class: error.name,
      retryable,
      ...context,
      ...(service === undefined
        ? {}
        : { status: service.status, innerCode: service.innerCode, activityId: service.activityId }),
      ...(failures.length === 0 ? {} : { failures }),
      ...(next === undefined ? {} : { next }),
      causes: causesOf(error),
    },
  }
}

/** What the operating system says of a file, in words. */
function fileTrouble(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('path' in error)) return undefined
  const words = FILE_TROUBLE.get(String(error.code))
  return words === undefined ? undefined : `${String(error.path)}: ${words}`
}

const FILE_TROUBLE: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file or folder'],
  ['EACCES', 'no permission'],
  ['EISDIR', 'is a folder, not a file'],
  ['ENOTDIR', 'lies below something that is no folder'],
  ['ENOSPC', 'the disk is full (ENOSPC)'],
])

/** The messages of what is behind an error, the nearest first. */
function causesOf(error: unknown): readonly string[] {
  const causes: string[] = []
  for (let at: unknown = error; at instanceof Error && at.cause !== undefined && causes.length < 8; at = at.cause) {
    const { cause } = at
    const all = cause instanceof AggregateError ? cause.errors : [cause]
    causes.push(...all.map((item: unknown) => `cause: ${item instanceof Error ? oneLine(item.message) : String(item)}`))
  }
  return causes
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').trim()
}

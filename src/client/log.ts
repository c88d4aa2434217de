import { createClientLogger } from '@azure/logger'
import { redact } from '../protocol/redact.ts'

const logger = createClientLogger('kusto-arrow')

type Level = 'info' | 'verbose' | 'warning'

/** Writes to the log of `@azure/logger` under `kusto-arrow`; what looks like a secret is taken out first. */
export const log: Readonly<Record<Level, (message: string) => void>> = {
  info: written('info'),
  verbose: written('verbose'),
  warning: written('warning'),
}

/** Looks for secrets only where somebody listens: every request tells of itself. */
function written(level: Level): (message: string) => void {
  const write = logger[level]
  return (message) => {
    if (write.enabled) write(redact(message))
  }
}

import { createClientLogger } from '@azure/logger'
import { redact } from '../protocol/redact.ts'

const logger = createClientLogger('kusto-arrow')

/** Writes to the log of `@azure/logger` under `kusto-arrow`; what looks like a secret is taken out first. */
export const log: Readonly<Record<'info' | 'verbose' | 'warning', (message: string) => void>> = {
  info: (message) => logger.info(redact(message)),
  verbose: (message) => logger.verbose(redact(message)),
  warning: (message) => logger.warning(redact(message)),
}

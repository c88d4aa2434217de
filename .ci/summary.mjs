// Prints `N passed, N failed[, N skipped]` from a vitest JSON report plus the number of other steps that failed.
import { readFileSync } from 'node:fs'

const [file, failedSteps] = process.argv.slice(2)
let report = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numFailedTestSuites: 0 }
try {
  report = JSON.parse(readFileSync(file, 'utf8'))
} catch {
  console.error('no test report was written')
}
const failed = Math.max(report.numFailedTests, Number(failedSteps))
const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : ''
console.log(`${report.numPassedTests} passed, ${failed} failed${skipped}`)

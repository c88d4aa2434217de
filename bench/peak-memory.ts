import { readFileSync, writeFileSync } from 'node:fs'

const MB = 1024 * 1024

/**
 * Watches the resident memory of this process from now on. Where the kernel keeps a high-water mark that can be reset, it
 * is used, and misses nothing; `maxRSS` would not do, since a child process inherits that of its parent.
 */
export function watchMemory(): { startMb: number; peakMb: () => number } {
  globalThis.gc?.()
  const isReset = resetHighWater()
  const start = process.memoryUsage.rss()
  const peak = (): number => (isReset ? highWaterBytes() : process.resourceUsage().maxRSS * 1024)
  return { startMb: start / MB, peakMb: () => (peak() - start) / MB }
}

function resetHighWater(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
    return true
  } catch {
    return false
  }
}

function highWaterBytes(): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

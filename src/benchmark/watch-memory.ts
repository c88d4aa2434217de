import { readFileSync, writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { MemorySample } from './phase-clock.ts'

const INTERVAL_MS = 20

export interface MemoryWatch {
  readonly startBytes: number
  /** Looks now, for moments at which a phase begins or ends. */
  look(): void
  /** Stops looking. */
  stop(): { readonly peakBytes: number; readonly samples: readonly MemorySample[] }
}

/**
 * Watches the resident memory of this process, after a garbage collection so that a run does not pay for the one before.
 * It looks every 20 ms; where the kernel keeps a high-water mark that can be set back (Linux), the peak misses nothing.
 */
export function watchMemory(): MemoryWatch {
  collectGarbage()
  const samples: MemorySample[] = []
  const look = (): void => void samples.push({ at: performance.now(), bytes: process.memoryUsage.rss() })
  const isMarked = resetHighWater()
  look()
  const startBytes = samples[0]?.bytes ?? 0
  const timer = setInterval(look, INTERVAL_MS)
  timer.unref()
  return {
    startBytes,
    look,
    stop() {
      clearInterval(timer)
      look()
      const seen = samples.reduce((peak, { bytes }) => Math.max(peak, bytes), 0)
      return { peakBytes: Math.max(seen, isMarked ? highWaterBytes() : 0), samples }
    },
  }
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
}

/** Whether the kernel took it; other systems have no such file. */
function resetHighWater(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
    return true
  } catch {
    return false
  }
}

function highWaterBytes(): number {
  const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

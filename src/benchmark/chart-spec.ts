/** A chart in the language of vega-lite, as plain JSON. */
export type ChartSpec = Readonly<Record<string, unknown>>

/** For a page, where it takes the colour of the text around it, or for a picture of its own on white. */
export type ChartTheme = 'page' | 'picture'

export interface ChartSize {
  /** Of the drawing without its axes, in pixels. */
  readonly width: number
  /** Short names instead of long labels. */
  readonly isNarrow: boolean
  readonly theme: ChartTheme
}

/** A chart of a report, with how to read it and its numbers. */
export interface BenchmarkChart {
  readonly id: string
  readonly title: string
  readonly caption: string
  readonly spec: (size: ChartSize) => ChartSpec
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Colours that can be told apart, also by the colour-blind, on white and on dark alike (after Okabe and Ito). */
export const COLORS: readonly string[] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9', '#888888']

/** What all charts share; the rest of the specification wins. */
export function chartBase({ width, theme }: ChartSize, spec: ChartSpec): ChartSpec {
  const ink = theme === 'page' ? 'currentColor' : '#24292f'
  const line = { domainColor: ink, tickColor: ink, domainOpacity: 0.4, tickOpacity: 0.4 }
  return {
    width,
    background: theme === 'page' ? 'transparent' : 'white',
    padding: theme === 'page' ? 2 : 16,
    autosize: { type: 'pad', contains: 'padding' },
    config: {
      aria: false,
      font: 'system-ui, sans-serif',
      view: { stroke: null },
      range: { category: COLORS },
      title: { color: ink, fontSize: 15, anchor: 'start', offset: 12 },
      axis: {
        ...line,
        labelColor: ink,
        titleColor: ink,
        gridColor: ink,
        gridOpacity: 0.12,
        labelFontSize: 12,
        titleFontSize: 12,
      },
      legend: {
        labelColor: ink,
        titleColor: ink,
        labelFontSize: 12,
        titleFontSize: 12,
        orient: 'top',
        columns: 3,
        symbolOpacity: 1,
      },
      text: { color: ink, fontSize: 12 },
      rule: { color: ink },
    },
    ...spec,
  }
}

/** Bars and intervals, one row for each configuration: high enough for its label. */
export function rowHeight(isNarrow: boolean): ChartSpec {
  return { step: isNarrow ? 22 : 24 }
}

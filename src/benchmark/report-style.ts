/** The style of a report: light and dark as the reader's system is, wide and narrow. */
export const REPORT_STYLE: string = `
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --paper: #ffffff; --box: #f6f8fa; --line: #d1d9e0; --warn: #9a6700; --bad: #b42318; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4af; --paper: #0d1117; --box: #161b22; --line: #30363d; --warn: #e3b341; --bad: #ff8f85; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 1.2rem; margin: 40px 0 4px; }
p { margin: 8px 0; overflow-wrap: anywhere; }
.soft, figcaption { color: var(--soft); font-size: 0.9rem; }
.answer { font-size: 1.1rem; border-left: 4px solid #0072b2; padding: 4px 0 4px 16px; margin: 20px 0; }
.note { background: var(--box); border: 1px solid var(--line); border-left: 4px solid var(--warn); border-radius: 6px; padding: 8px 16px; margin: 12px 0; }
.bad { border-left-color: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 20px 0; font-size: 0.95rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font-family: ui-monospace, 'Cascadia Code', Menlo, monospace; font-size: 0.9em; }
figure { margin: 12px 0; }
svg { display: block; max-width: 100%; height: auto; color: var(--ink); }
.narrow { display: none; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; max-height: 420px; }
.scroll:focus-visible { outline: 2px solid #0072b2; }
table { border-collapse: collapse; width: 100%; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 8px 12px; color: var(--soft); }
th, td { padding: 5px 12px; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
th:first-child, td:first-child, th.text, td.text { text-align: left; }
thead th { position: sticky; top: 0; background: var(--box); border-top: 0; }
@media (max-width: 720px) {
  main { padding: 16px 12px 48px; }
  .wide { display: none; }
  .narrow { display: block; }
  th.text, td.text { white-space: normal; min-width: 104px; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
}
`

/** Of the page: light and dark by the reader's setting, with contrasts of 4.5:1 at least for text. */
export const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --card: #f6f8fa; --good: #116329; --bad: #a40e26; --open: #6e5000; --a: #0550ae; --b: #8250df; --c: #0a7d63; --d: #9a4a00; --e: #a02060; --f: #5c6470; --g: #1c6b8c; --h: #7a6200; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --text: #e6edf3; --soft: #9ea7b3; --line: #30363d; --card: #161b22; --good: #56d364; --bad: #ff8882; --open: #e3b341; --a: #79b8ff; --b: #c9a6ff; --c: #4fd1b3; --d: #ffb077; --e: #ff9bce; --f: #aab4c0; --g: #7cd2f2; --h: #e0c341; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { margin: .25rem 0; } .soft, figcaption { color: var(--soft); } code { font-size: .9em; overflow-wrap: anywhere; }
.pass, .held { color: var(--good); } .fail, .failed { color: var(--bad); } .incomplete, .not-checked { color: var(--open); }
.verdict { font-weight: 700; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); } thead th { background: var(--card); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.mark { white-space: nowrap; font-weight: 600; }
figure { margin: 1rem 0; } svg { width: 100%; height: auto; display: block; } svg text { fill: var(--text); font: 12px system-ui, sans-serif; } svg .soft { fill: var(--soft); }
svg .axis { stroke: var(--line); } svg .dot { fill: var(--a); fill-opacity: .55; } svg .tick { stroke: var(--text); stroke-width: 2; }
svg .s0 { fill: var(--a); } svg .s1 { fill: var(--b); } svg .s2 { fill: var(--c); } svg .s3 { fill: var(--d); } svg .s4 { fill: var(--e); } svg .s5 { fill: var(--f); } svg .s6 { fill: var(--g); } svg .s7 { fill: var(--h); }
@media print { body { max-width: none; } }
`.replace(/\n/g, '');

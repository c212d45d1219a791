"""How a page looks: on screens, light and dark, and on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --text: #1d2733; --faint: #5b6b7b; --line: #d5dce4; --paper: #ffffff; --shade: #f4f7fa;
  --accent: #1f5f99; --warning: #fdf3e1; --warning-line: #c9a25a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #dfe6ee; --faint: #9aa9b8; --line: #37424e; --paper: #14191f; --shade: #1d242c;
    --accent: #86bdf0; --warning: #322913; --warning-line: #a8863f;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body {
  margin: 0; background: var(--paper); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1.25rem 5rem; }
nav { max-width: 66rem; margin: 0 auto; padding: 1.25rem 1.25rem 0; font-size: .85rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; margin: 0; padding: 0; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; }
h1 { font-size: 1.9rem; margin: .5rem 0 1rem; }
h2 { font-size: 1.35rem; margin: 2.8rem 0 .8rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .5rem; }
p, ul, ol { margin: .7rem 0; max-width: 50rem; }
li { margin: .25rem 0; }
blockquote {
  margin: 1rem 0; padding: .35rem 1rem; max-width: 52rem;
  background: var(--warning); border-left: 4px solid var(--warning-line); border-radius: 3px;
}
.table { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .86rem; }
th, td { padding: .34rem .7rem .34rem 0; text-align: left; vertical-align: top; }
td { border-bottom: 1px solid var(--line); }
th { color: var(--faint); font-weight: 600; vertical-align: bottom; }
thead th { border-bottom: 2px solid var(--line); }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
td em { color: var(--faint); font-style: normal; }
figure { margin: 1.4rem 0; }
figure img {
  display: block; max-width: 100%; height: auto; background: #ffffff;
  border: 1px solid var(--line); border-radius: 4px; padding: .5rem;
}
figcaption { margin-top: .5rem; max-width: 50rem; color: var(--faint); font-size: .88rem; }
code { font: .86em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre {
  overflow-x: auto; padding: .9rem 1.1rem; background: var(--shade); border-radius: 4px; line-height: 1.4;
}
pre code { overflow-wrap: normal; }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--accent); }

@media (min-width: 84rem) {
  body { display: grid; grid-template-columns: 15rem minmax(0, 1fr); }
  main { margin: 0; padding-left: 3rem; }
  nav {
    position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto;
    margin: 0; padding: 2.6rem 0 2rem 1.75rem;
  }
  nav ul { display: block; }
  nav li { margin: .42rem 0; }
}
@media print {
  :root {
    --text: #000000; --faint: #444444; --line: #bbbbbb; --paper: #ffffff; --shade: #ffffff;
    --accent: #000000; --warning: #ffffff; --warning-line: #888888;
  }
  @page { margin: 16mm 14mm; }
  body { display: block; font-size: 10pt; }
  nav { display: none; }
  main { max-width: none; padding: 0; }
  h1, h2, h3 { break-after: avoid; }
  h2 { margin-top: 1.6rem; }
  figure, blockquote, tr { break-inside: avoid; }
  thead { display: table-header-group; }
  .table { overflow: visible; }
  table { font-size: 8pt; }
  figure img { border: 0; padding: 0; max-height: 220mm; }
  pre { white-space: pre-wrap; font-size: 7.5pt; }
}
"""

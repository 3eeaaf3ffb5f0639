/** The look of `report.html`. The script reads its colours from here too, so that curves follow dark and light. */
export const reportStyle = `
:root {
  --page: #f6f6f4; --card: #ffffff; --ink: #1d1d1f; --muted: #63636b; --line: #dededa;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #151517; --card: #1f1f23; --ink: #ececf0; --muted: #a2a2ad; --line: #37373e;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 0 0 0.5rem; }
header p { margin: 0.2rem 0 1.5rem; color: var(--muted); overflow-wrap: anywhere; }
section, .facts div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; }
section { margin-bottom: 1rem; min-width: 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 1rem; margin: 0 0 1rem; }
dt { color: var(--muted); font-size: 0.85rem; }
dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.chart { height: 20rem; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem; align-items: start; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.25rem 0; border-top: 1px solid var(--line); vertical-align: top; }
th { color: var(--muted); font-weight: normal; padding-right: 1rem; }
td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
tr:first-child > * { border-top: 0; }
`;

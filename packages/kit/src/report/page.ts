/** Reports: self-contained HTML files in one style, light or dark as the reader prefers. */
import { type ChartOptions, lineChart } from "@tessera-ml/media";

const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c1e21; --soft: #5d6470; --line: #e2e5ea; --card: #f6f7f9;
  --yes: #16793a; --no: #a8480b; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #14161a; --ink: #e6e8ec; --soft: #9aa3b0; --line: #2d323a;
  --card: #1c1f25; --yes: #5fcf86; --no: #f0a060; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
header p { margin: .4rem 0; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 .8rem; letter-spacing: -.02em; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .8rem; }
.kind { color: var(--soft); font-size: .85rem; letter-spacing: .08em; text-transform: uppercase; }
.source, footer { color: var(--soft); font-size: .92rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
figure svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); }
@media print { main { padding: 0; } figure, tr { break-inside: avoid; } }
`;

/** The charts' colours are designed for a white background; these follow the page's theme. */
const CHART_STYLE = `
figure svg > rect { fill: transparent; }
figure svg text { fill: var(--ink); }
figure svg path[stroke="#e4e4e4"] { stroke: var(--line); }
figure svg path[stroke="#333"] { stroke: var(--soft); }
@media screen and (prefers-color-scheme: dark) { figure svg :is([stroke="#0072b2"]) { stroke: #4aa8e0; }
  figure svg [fill="#0072b2"] { fill: #4aa8e0; } figure svg [stroke="#444444"] { stroke: #b8b8b8; }
  figure svg [fill="#444444"] { fill: #b8b8b8; } }
`;

/**
 * A complete HTML document. Loads nothing external.
 *
 * @param title text
 * @param body HTML
 * @param style additional CSS
 */
export function htmlPage(title: string, body: string, style = ""): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${CHART_STYLE}${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** A table with a heading, wider than the page if need be. Cells are text. */
export function htmlTable(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = (tag: string, row: readonly (string | number)[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escapeHtml(String(cell))}</${tag}>`).join("")}</tr>`;
  return `<h2>${escapeHtml(title)}</h2>
<div class="scroll"><table>
<thead>${cells("th", columns)}</thead>
<tbody>
${rows.map((row) => cells("td", row)).join("\n")}
</tbody>
</table></div>`;
}

/** Charts beside each other, as many as fit. */
export function htmlCharts(charts: readonly ChartOptions[]): string {
  const figures = charts.map(
    (chart) => `<figure>${lineChart({ width: 480, height: 330, ...chart })}</figure>`,
  );
  return `<div class="plots">
${figures.join("\n")}
</div>`;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] as string);
}

/** The report of a study: a self-contained HTML file. */
import { lineChart } from "@tessera-ml/media";
import type { Finding, Plot, Study, StudyResult, Table } from "./study.ts";

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
.claim { font-size: 1.2rem; }
.source, footer { color: var(--soft); font-size: .92rem; }
.finding { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.6rem; margin: 0 0 1rem; padding: 1rem 1.2rem;
  background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--no); border-radius: 8px; }
.finding.holds { border-left-color: var(--yes); }
.finding h3 { margin: 0 0 .2rem; font-size: .8rem; font-weight: 600; color: var(--soft); }
.finding p { margin: 0; }
.verdict { grid-column: 1 / -1; margin-top: .7rem !important; font-weight: 600; color: var(--no); }
.holds .verdict { color: var(--yes); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
figure svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); }
@media (max-width: 40rem) { .finding { grid-template-columns: 1fr; gap: .8rem; } }
@media print { main { padding: 0; } .finding, figure, tr { break-inside: avoid; } }
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

/** A complete HTML document: the paper's claims, the measurements, curves and tables. Loads nothing external. */
export function studyReport(study: Study, result: StudyResult): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(result.title)}</title>
<style>${STYLE}${CHART_STYLE}</style>
</head>
<body>
<main>
${heading(result, study)}
<h2>What was found</h2>
${result.findings.map(finding).join("\n")}
<h2>Curves</h2>
<div class="plots">
${result.plots.map(plot).join("\n")}
</div>
${result.tables.map(table).join("\n")}
<footer>Measured in ${duration(result.seconds)} by <code>tessera study ${escape(result.study)}</code>.</footer>
</main>
</body>
</html>
`;
}

function heading({ title }: StudyResult, { claim, paper }: Study): string {
  return `<header>
<p class="kind">Study</p>
<h1>${escape(title)}</h1>
<p class="claim">${escape(claim)}</p>
<p class="source">${escape(paper)}</p>
</header>`;
}

function finding({ paper, here, holds }: Finding): string {
  return `<section class="finding${holds ? " holds" : ""}">
<div><h3>The paper says</h3><p>${escape(paper)}</p></div>
<div><h3>Seen here</h3><p>${escape(sentence(here))}</p></div>
<p class="verdict">${holds ? "✓ Observed in this experiment" : "✗ Not observed in this experiment"}</p>
</section>`;
}

/** Capitalizes the first letter. */
function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function plot({ title, xLabel, yLabel, logY, curves }: Plot): string {
  const chart = lineChart({
    title,
    xLabel,
    yLabel,
    yScale: logY ? "log" : "linear",
    series: curves,
    width: 480,
    height: 330,
  });
  return `<figure>${chart}</figure>`;
}

function table({ title, columns, rows }: Table): string {
  const cells = (tag: string, row: readonly (string | number)[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escape(String(cell))}</${tag}>`).join("")}</tr>`;
  return `<h2>${escape(title)}</h2>
<div class="scroll"><table>
<thead>${cells("th", columns)}</thead>
<tbody>
${rows.map((row) => cells("td", row)).join("\n")}
</tbody>
</table></div>`;
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} seconds` : `${(seconds / 60).toFixed(1)} minutes`;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] as string);
}

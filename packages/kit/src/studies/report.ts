/** The report of a study: a self-contained HTML file. */
import type { ChartOptions } from "@tessera-ml/media";
import { escapeHtml, htmlCharts, htmlPage, htmlTable } from "../report/page.ts";
import type { Finding, Plot, Study, StudyResult } from "./study.ts";

const STYLE = `
.claim { font-size: 1.2rem; }
.finding { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.6rem; margin: 0 0 1rem; padding: 1rem 1.2rem;
  background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--no); border-radius: 8px; }
.finding.holds { border-left-color: var(--yes); }
.finding h3 { margin: 0 0 .2rem; font-size: .8rem; font-weight: 600; color: var(--soft); }
.finding p { margin: 0; }
.verdict { grid-column: 1 / -1; margin-top: .7rem !important; font-weight: 600; color: var(--no); }
.holds .verdict { color: var(--yes); }
@media (max-width: 40rem) { .finding { grid-template-columns: 1fr; gap: .8rem; } }
@media print { .finding { break-inside: avoid; } }
`;

/** A complete HTML document: the paper's claims, the measurements, curves and tables. Loads nothing external. */
export function studyReport(study: Study, result: StudyResult): string {
  const body = `${heading(result, study)}
<h2>What was found</h2>
${result.findings.map(finding).join("\n")}
<h2>Curves</h2>
${htmlCharts(result.plots.map(chartOf))}
${result.tables.map(({ title, columns, rows }) => htmlTable(title, columns, rows)).join("\n")}
<footer>Measured in ${duration(result.seconds)} by <code>tessera study ${escapeHtml(result.study)}</code>.</footer>`;
  return htmlPage(result.title, body, STYLE);
}

function heading({ title }: StudyResult, { claim, paper }: Study): string {
  return `<header>
<p class="kind">Study</p>
<h1>${escapeHtml(title)}</h1>
<p class="claim">${escapeHtml(claim)}</p>
<p class="source">${escapeHtml(paper)}</p>
</header>`;
}

function finding({ paper, here, holds }: Finding): string {
  return `<section class="finding${holds ? " holds" : ""}">
<div><h3>The paper says</h3><p>${escapeHtml(paper)}</p></div>
<div><h3>Seen here</h3><p>${escapeHtml(sentence(here))}</p></div>
<p class="verdict">${holds ? "✓ Observed in this experiment" : "✗ Not observed in this experiment"}</p>
</section>`;
}

/** Capitalizes the first letter. */
function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function chartOf({ title, xLabel, yLabel, logY, curves }: Plot): ChartOptions {
  return { title, xLabel, yLabel, yScale: logY ? "log" : "linear", series: curves };
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} seconds` : `${(seconds / 60).toFixed(1)} minutes`;
}

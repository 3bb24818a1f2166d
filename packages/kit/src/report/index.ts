/**
 * Self-contained HTML reports.
 *
 * @packageDocumentation
 */
export { escapeHtml, htmlCharts, htmlPage, htmlTable } from "./page.ts";

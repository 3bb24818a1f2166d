/** Small helpers to write SVG. */

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text that can stand in XML, between tags or in an attribute; control characters are dropped. */
export function escapeXml(text: string): string {
  return text.replaceAll(/[^\P{Cc}\t\n\r]/gu, "").replaceAll(/[&<>"']/g, (c) => ESCAPES[c]!);
}

/** A number with at most two digits after the point. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

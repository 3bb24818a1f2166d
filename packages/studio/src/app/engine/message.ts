/** What went wrong, in words for the person at the page. */
export function messageOf(error: unknown): string {
  if (error instanceof TypeError && /fetch|network/i.test(error.message))
    return "The server does not answer. Is it still running? The switch above lets this page compute by itself.";
  return error instanceof Error ? error.message : String(error);
}

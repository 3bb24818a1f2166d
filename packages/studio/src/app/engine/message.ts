/** What went wrong, in words for the user. */
export function messageOf(error: unknown): string {
  if (error instanceof TypeError && /fetch|network/i.test(error.message))
    return "The server does not answer. Is it still running? With “In this page” above, networks run without it.";
  return error instanceof Error ? error.message : String(error);
}

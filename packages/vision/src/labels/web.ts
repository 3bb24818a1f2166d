/** Browsers cannot read files by name. */
export async function readLabels(file: string): Promise<string[]> {
  throw new Error(`${file}: a browser cannot read a file by name; pass the labels themselves`);
}

/** A page reads no files by name. */
export async function readLabels(file: string): Promise<string[]> {
  throw new Error(`${file}: a page cannot read a file by its name; pass the labels themselves`);
}

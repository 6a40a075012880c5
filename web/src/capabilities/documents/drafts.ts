/** A document that is being written, and its versions that hold what was written. Pure. */

export interface Draft {
  name: string;
  type: string;
  format: string;
  content: string;
  /** Of the version that is made next; empty for none. */
  versionName: string;
  /** What is saved in the end becomes the default. */
  isDefault: boolean;
}

export interface StoredVersion {
  version: string;
  content: string;
}

/** The version that says exactly this. The hub keeps no text twice, so that it is used again. */
export function versionOf(stored: readonly StoredVersion[], content: string): string | undefined {
  return stored.findLast((one) => one.content === content)?.version;
}

/** Parameters that whoever fills in the form has not seen yet. */
export function unseen(before: readonly { name: string }[], now: readonly { name: string }[]): readonly string[] {
  const seen = new Set(before.map(({ name }) => name));
  return now.map(({ name }) => name).filter((name) => !seen.has(name));
}

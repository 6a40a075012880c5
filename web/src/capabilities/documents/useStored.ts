import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createDocument, updateDocument } from "./api";
import { type Draft, type StoredVersion, versionOf } from "./drafts";

export interface Stored {
  /** The version that says what the draft says. */
  current: string | undefined;
  /** The newest that is known of here; nothing while the document does not exist. */
  latest: string | undefined;
  /** Makes a version of the draft, or the document, unless there is one that says the same. */
  store: () => Promise<string>;
}

/** The versions that come of a draft, from the one it began with. */
export function useStored(draft: Draft, begun: StoredVersion | undefined, onStored: () => void): Stored {
  const client = useQueryClient();
  const [stored, setStored] = useState<readonly StoredVersion[]>(begun ? [begun] : []);
  const latest = stored.at(-1)?.version;
  const current = versionOf(stored, draft.content);
  const store = async () => {
    if (current !== undefined) return current;
    const name = draft.name.trim();
    const versionName = draft.versionName.trim();
    const request = { Name: name, Content: draft.content, DocumentFormat: draft.format, ...(versionName ? { VersionName: versionName } : {}) };
    const version = await (latest === undefined ? createDocument({ ...request, DocumentType: draft.type }) : updateDocument(request));
    setStored((before) => [...before, { version, content: draft.content }]);
    onStored();
    // What was read before is old now; the page that is shown next reads it anew.
    await client.invalidateQueries({ queryKey: ["documents"], refetchType: "none" });
    return version;
  };
  return { current, latest, store };
}

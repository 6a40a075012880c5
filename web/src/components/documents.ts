import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";
import type { DocumentIdentifier, DocumentVersion } from "@/platform/types";
import { specsOf } from "./documentParameters";

/** Documents as more than one capability reads them. */

export const DEFAULT_VERSION = "$DEFAULT";

/** The parameters of a document that runs on nodes. */
export function parametersQuery(name: string, version: string) {
  return queryOptions({
    queryKey: ["documents", name, "parameters", version],
    queryFn: async ({ signal }) => {
      const { Content } = await call("AmazonSSM.GetDocument", { Name: name, DocumentVersion: version, DocumentFormat: "JSON" }, signal);
      return specsOf(Content);
    },
  });
}

export function versionsQuery(name: string) {
  return queryOptions({
    queryKey: ["documents", name, "versions"],
    queryFn: async ({ signal }) => {
      const all: DocumentVersion[] = [];
      let next: string | undefined;
      do {
        const page = await call("AmazonSSM.ListDocumentVersions", { Name: name, ...(next ? { NextToken: next } : {}) }, signal); // oxlint-disable-line no-await-in-loop -- a page names the next
        all.push(...page.DocumentVersions);
        next = page.NextToken || undefined;
      } while (next !== undefined);
      return all;
    },
  });
}

/** Documents that a command can run, by what their names and descriptions say. */
export async function findCommandDocuments(text: string): Promise<DocumentIdentifier[]> {
  const said = text.trim() === "" ? [] : [{ Key: "SearchKeyword", Values: [text.trim()] }];
  const { DocumentIdentifiers } = await call("AmazonSSM.ListDocuments", { Filters: [{ Key: "DocumentType", Values: ["Command"] }, ...said] });
  return DocumentIdentifiers;
}

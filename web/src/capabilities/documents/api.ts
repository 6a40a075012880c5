import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";
import type { CursorPage } from "@/platform/pages";
import type { DocumentIdentifier, DocumentReview, DocumentShare, Request, Tag } from "@/platform/types";
import type { View } from "@/platform/view";
import { filtersOf } from "./tokens";

const LARGEST_PAGE = 50;

export async function listDocuments(view: View, cursor: string | undefined, signal: AbortSignal): Promise<CursorPage<DocumentIdentifier>> {
  const request = { MaxResults: Math.min(view.size, LARGEST_PAGE), Filters: filtersOf(view.filter), ...(cursor ? { NextToken: cursor } : {}) };
  const result = await call("AmazonSSM.ListDocuments", request, signal);
  return { items: result.DocumentIdentifiers, next: result.NextToken || undefined };
}

/** A version as it is described, and its text as it was written. */
export function documentQuery(name: string, version: string) {
  return queryOptions({
    queryKey: ["documents", name, "at", version],
    queryFn: async ({ signal }) => {
      const request = { Name: name, DocumentVersion: version };
      const { Document: description } = await call("AmazonSSM.DescribeDocument", request, signal);
      // The very version that is described: the default may have moved meanwhile.
      const exact = { Name: name, DocumentVersion: description.DocumentVersion, DocumentFormat: description.DocumentFormat };
      const { Content: content } = await call("AmazonSSM.GetDocument", exact, signal);
      return { description, content };
    },
  });
}

/** As YAML, whatever it was written in, so that two versions can be laid side by side. */
export function comparableQuery(name: string, version: string, isPlain: boolean) {
  return queryOptions({
    queryKey: ["documents", name, "comparable", version],
    queryFn: async ({ signal }) => {
      const request = { Name: name, DocumentVersion: version, DocumentFormat: isPlain ? "TEXT" : "YAML" };
      return (await call("AmazonSSM.GetDocument", request, signal)).Content;
    },
  });
}

/** What the hub says about a text before it is stored. */
export function lintQuery(content: string, format: string, type: string) {
  return queryOptions({
    queryKey: ["lint", type, format, content],
    queryFn: async ({ signal }) => (await call("Roadstead.LintDocument", { Content: content, DocumentFormat: format, DocumentType: type }, signal)).Problems,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

export async function createDocument(request: Request<"AmazonSSM.CreateDocument">): Promise<string> {
  return (await call("AmazonSSM.CreateDocument", request)).DocumentDescription.DocumentVersion;
}

/** The next version; the default stays where it is. */
export async function updateDocument(request: Request<"AmazonSSM.UpdateDocument">): Promise<string> {
  return (await call("AmazonSSM.UpdateDocument", { ...request, DocumentVersion: "$LATEST" })).DocumentDescription.DocumentVersion;
}

export function setDefaultVersion(name: string, version: string) {
  return call("AmazonSSM.UpdateDocumentDefaultVersion", { Name: name, DocumentVersion: version });
}

/** Without a version the whole document goes. */
export function deleteDocument(name: string, version?: string) {
  return call("AmazonSSM.DeleteDocument", { Name: name, ...(version ? { DocumentVersion: version } : {}) });
}

export function sharesQuery(name: string) {
  return queryOptions({
    queryKey: ["documents", name, "shares"],
    queryFn: async ({ signal }) => {
      const all: DocumentShare[] = [];
      let next: string | undefined;
      do {
        const page = await call("AmazonSSM.DescribeDocumentPermission", { Name: name, PermissionType: "Share", ...(next ? { NextToken: next } : {}) }, signal); // oxlint-disable-line no-await-in-loop -- a page names the next
        all.push(...page.AccountSharingInfoList);
        next = page.NextToken || undefined;
      } while (next !== undefined);
      return all;
    },
  });
}

export function share(name: string, account: string, version: string) {
  return call("AmazonSSM.ModifyDocumentPermission", { Name: name, PermissionType: "Share", AccountIdsToAdd: [account], SharedDocumentVersion: version });
}

export function unshare(name: string, account: string) {
  return call("AmazonSSM.ModifyDocumentPermission", { Name: name, PermissionType: "Share", AccountIdsToRemove: [account] });
}

export function reviewsQuery(name: string, version: string) {
  return queryOptions({
    queryKey: ["documents", name, "reviews", version],
    queryFn: async ({ signal }) => {
      const all: DocumentReview[] = [];
      let next: string | undefined;
      do {
        const request = { Name: name, DocumentVersion: version, Metadata: "DocumentReviews", ...(next ? { NextToken: next } : {}) };
        const page = await call("AmazonSSM.ListDocumentMetadataHistory", request, signal); // oxlint-disable-line no-await-in-loop -- a page names the next
        all.push(...page.Metadata.ReviewerResponse);
        next = page.NextToken || undefined;
      } while (next !== undefined);
      return all.toReversed();
    },
  });
}

export type ReviewAction = "SendForReview" | "UpdateReview" | "Approve" | "Reject";

export function review(name: string, version: string, action: ReviewAction, comment: string) {
  const comments = comment === "" ? {} : { Comment: [{ Type: "Comment", Content: comment }] };
  return call("AmazonSSM.UpdateDocumentMetadata", { Name: name, DocumentVersion: version, DocumentReviews: { Action: action, ...comments } });
}

export async function changeTags(name: string, removed: string[], added: Tag[]) {
  const resource = { ResourceType: "Document", ResourceId: name };
  if (removed.length > 0) await call("AmazonSSM.RemoveTagsFromResource", { ...resource, TagKeys: removed });
  if (added.length > 0) await call("AmazonSSM.AddTagsToResource", { ...resource, Tags: added });
}

import type { DocumentDescription, DocumentProblem } from "@/platform/types";
import type { ReviewAction } from "./api";

/** Of the hub's library, which is not changed. */
export function isOfLibrary({ Owner }: Pick<DocumentDescription, "Owner">): boolean {
  return Owner === "Amazon" || Owner === "Roadstead";
}

/** What can be said about a review in each of its states; what the hub allows beyond changing a comment. */
export function reviewActions(status: string): readonly ReviewAction[] {
  if (status === "PENDING") return ["Reject", "Approve", "UpdateReview"];
  if (status === "APPROVED") return ["UpdateReview"];
  return status === "REJECTED" ? ["SendForReview", "UpdateReview"] : ["SendForReview"];
}

/** The worst that is said about each line. */
export function marksOf(problems: readonly DocumentProblem[]): ReadonlyMap<number, DocumentProblem["Severity"]> {
  const marks = new Map<number, DocumentProblem["Severity"]>();
  for (const { Line, Severity } of problems) if (Line > 0 && marks.get(Line) !== "error") marks.set(Line, Severity);
  return marks;
}

/** Where in a text a line and column are, both counted from 1, as characters of the text are counted by an editor. */
export function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const own = lines[line - 1] ?? "";
  return before + Array.from(own).slice(0, Math.max(0, column - 1)).join("").length;
}

/** A name for a copy that the hub's own beginnings do not forbid. */
export function copyName(name: string): string {
  return `My-${name.replace(/^(aws|amazon|amzn|roadstead)-?/i, "")}`.slice(0, 128);
}

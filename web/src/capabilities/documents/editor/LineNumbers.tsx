import { memo } from "react";
import type { DocumentProblem } from "@/platform/types";

interface Props {
  count: number;
  /** Lines, from 1, with the worst that is said about them. */
  marks: ReadonlyMap<number, DocumentProblem["Severity"]>;
}

/** They scroll along with the text and are nothing to those who listen; scrolling draws none of them anew. */
export const LineNumbers = memo(function LineNumbers({ count, marks }: Props) {
  return Array.from({ length: count }, (_, at) => (
    <div key={at + 1} className={marks.get(at + 1)}>
      {at + 1}
    </div>
  ));
});

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { DocumentProblem } from "@/platform/types";
import { lintQuery } from "./api";

const TYPING_MS = 300;

export interface Lint {
  problems: readonly DocumentProblem[];
  /** What is said is about the text as it stands. */
  isCurrent: boolean;
  error: unknown;
}

/** What the hub says about a text, asked a moment after the last key. */
export function useLint(content: string, format: string, type: string): Lint {
  const [settled, setSettled] = useState(content);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(content), TYPING_MS);
    return () => clearTimeout(timer);
  }, [content]);
  const query = useQuery({ ...lintQuery(settled, format, type), placeholderData: keepPreviousData });
  return { problems: query.data ?? [], isCurrent: settled === content && query.data !== undefined && !query.isPlaceholderData, error: query.error };
}

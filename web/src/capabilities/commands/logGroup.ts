import type { Command } from "@/platform/types";

interface OutputConfig {
  CloudWatchOutputEnabled?: boolean | null;
  CloudWatchLogGroupName?: string | null;
}

/** The group of a command that names none, by its document. The hub answers the name only as it was sent. */
export function usualLogGroup(documentName: string): string {
  return `/aws/ssm/${documentName.replace(/[^A-Za-z0-9._\-/#]/gu, "-")}`;
}

/** In which log group a command's output is shown; nothing where it is in none. */
export function logGroupOf({ CloudWatchOutputConfig, DocumentName }: Pick<Command, "CloudWatchOutputConfig" | "DocumentName">): string | undefined {
  const { CloudWatchOutputEnabled, CloudWatchLogGroupName } = (CloudWatchOutputConfig ?? {}) as OutputConfig;
  if (CloudWatchOutputEnabled !== true) return undefined;
  return CloudWatchLogGroupName ?? usualLogGroup(DocumentName);
}

/** Empty for the usual one, or what the hub takes as a name. */
export function isLogGroup(text: string): boolean {
  return /^[A-Za-z0-9._\-/#]{0,512}$/.test(text.trim());
}

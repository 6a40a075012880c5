import type { Command } from "@/platform/types";

/** Its script is its title; other documents have names that say more. */
const SCRIPTS = new Set(["AWS-RunShellScript", "AWS-RunPowerShellScript"]);

/** A command is known by its comment, else by the first line of its script that says something, else by its document. */
export function commandTitle(command: Command, untitled: string): string {
  if (command.Comment) return command.Comment;
  if (!SCRIPTS.has(command.DocumentName)) return command.DocumentName;
  const lines = (command.Parameters?.["commands"] ?? []).flatMap((text) => text.split("\n"));
  const telling = lines.find((line) => line.trim() !== "" && !line.trim().startsWith("#"));
  return telling?.trim() ?? untitled;
}

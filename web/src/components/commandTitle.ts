import type { Command } from "@/platform/types";

/** A command is known by its comment, else by the first line of its script that says something. */
export function commandTitle(command: Command, untitled: string): string {
  if (command.Comment) return command.Comment;
  const lines = (command.Parameters?.["commands"] ?? []).flatMap((text) => text.split("\n"));
  const telling = lines.find((line) => line.trim() !== "" && !line.trim().startsWith("#"));
  return telling?.trim() ?? untitled;
}

import type { Command } from "@/platform/types";
import { ParameterValues } from "./ParameterValues";
import { ScriptText } from "./ScriptText";

/** What the wizard's shell commands become. */
const SHELL = "AWS-RunShellScript";

export function hasScript({ DocumentName, Parameters }: Command): boolean {
  return DocumentName === SHELL && Parameters?.["commands"] !== undefined;
}

/** What was run: the script, or a document with what it was given. */
export function Definition({ command }: { command: Command }) {
  if (hasScript(command)) return <ScriptText text={(command.Parameters?.["commands"] ?? []).join("\n")} />;
  return <ParameterValues document={command.DocumentName} version={command.DocumentVersion} values={command.Parameters ?? {}} />;
}

import type { Command } from "@/platform/types";
import { isTerminal } from "./states";
import { StatusBadge } from "./StatusBadge";

/** A finished command shows why it ended so; a running one shows that it runs. */
export function CommandStatus({ command }: { command: Command }) {
  return <StatusBadge status={isTerminal(command.Status) ? command.StatusDetails : command.Status} />;
}

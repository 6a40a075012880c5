import type { TokenKey } from "@/components/tokens";
import type { en } from "./en";

type Key = TokenKey<keyof typeof en>;

/** As the hub knows them. */
export const CHANNEL_KEYS: readonly Key[] = [
  { key: "name", text: "name", operators: [":", "!:", "=", "!=", "^"], defaultOperator: ":" },
  { key: "kind", text: "kind", operators: ["=", "!="], values: ["webhook", "mail", "ntfy"] },
];

export const NOTIFICATION_KEYS: readonly Key[] = [
  { key: "channel", text: "channel", operators: ["=", "!=", ":", "^"] },
  { key: "state", text: "state", operators: ["=", "!="], values: ["Waiting", "Delivered", "Failed"] },
  { key: "subject", text: "subject", operators: [":", "!:", "=", "^"], defaultOperator: ":" },
  { key: "error", text: "error", operators: [":", "!:"], defaultOperator: ":" },
];

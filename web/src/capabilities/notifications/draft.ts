import type { ChannelDetails, PutChannelRequest } from "./api";

/** What the form collects, and its translation into a request. Pure. */

export type Kind = "webhook" | "mail" | "ntfy";
export type Security = "starttls" | "tls" | "none";

export interface Draft {
  name: string;
  kind: Kind;
  url: string;
  topic: string;
  host: string;
  port: string;
  security: Security;
  user: string;
  from: string;
  to: string;
  secret: string;
  networks: string;
  ca: string;
}

const EMPTY: Draft = {
  name: "",
  kind: "webhook",
  url: "",
  topic: "",
  host: "",
  port: "587",
  security: "starttls",
  user: "",
  from: "",
  to: "",
  secret: "",
  networks: "",
  ca: "",
};

export function draftOf(channel: ChannelDetails | undefined): Draft {
  if (!channel) return EMPTY;
  const { Webhook, Mail, Ntfy, AllowedNetworks, CaPem } = channel.Settings;
  const draft = { ...EMPTY, name: channel.Name, networks: (AllowedNetworks ?? []).join(", "), ca: CaPem ?? "" };
  if (Mail) {
    return {
      ...draft,
      kind: "mail",
      host: Mail.Host,
      port: String(Mail.Port),
      security: Mail.Security ?? "starttls",
      user: Mail.User ?? "",
      from: Mail.From,
      to: Mail.To.join(", "),
    };
  }
  if (Ntfy) return { ...draft, kind: "ntfy", url: Ntfy.Url, topic: Ntfy.Topic };
  return { ...draft, url: Webhook?.Url ?? "" };
}

function listOf(text: string): string[] {
  return text.split(",").map((one) => one.trim()).filter(Boolean);
}

export function putRequest(draft: Draft): PutChannelRequest {
  const receiver = {
    webhook: { Webhook: { Url: draft.url.trim() } },
    ntfy: { Ntfy: { Url: draft.url.trim(), Topic: draft.topic.trim() } },
    mail: {
      Mail: {
        Host: draft.host.trim(),
        Port: Number(draft.port) || 0,
        Security: draft.security,
        From: draft.from.trim(),
        To: listOf(draft.to),
        ...(draft.user.trim() ? { User: draft.user.trim() } : {}),
      },
    },
  }[draft.kind];
  return {
    Name: draft.name.trim(),
    Settings: { ...receiver, AllowedNetworks: listOf(draft.networks), ...(draft.ca.trim() ? { CaPem: draft.ca } : {}) },
    ...(draft.secret ? { Secret: draft.secret } : {}),
  };
}

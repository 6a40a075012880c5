import type { AuditShippingSettings, Ship, SyslogProtocol } from "@/platform/types";

/** The form's state: texts as they are typed, receivers that are off keep theirs. */
export interface ShippingDraft {
  file: { on: boolean; name: string; ship: Ship };
  syslog: { on: boolean; protocol: SyslogProtocol; host: string; port: string; ship: Ship; authority: string };
  webhook: { on: boolean; url: string; ship: Ship; authority: string; secret: string };
  networks: string;
}

export function draftOf({ File, Syslog, Webhook, AllowedNetworks }: AuditShippingSettings): ShippingDraft {
  return {
    file: { on: File !== undefined, name: File?.Name ?? "heads.jsonl", ship: File?.Ship ?? "heads" },
    syslog: {
      on: Syslog !== undefined,
      protocol: Syslog?.Protocol ?? "tls",
      host: Syslog?.Host ?? "",
      port: String(Syslog?.Port ?? 6514),
      ship: Syslog?.Ship ?? "heads",
      authority: Syslog?.CaPem ?? "",
    },
    webhook: { on: Webhook !== undefined, url: Webhook?.Url ?? "", ship: Webhook?.Ship ?? "heads", authority: Webhook?.CaPem ?? "", secret: "" },
    networks: (AllowedNetworks ?? []).join("\n"),
  };
}

export function settingsOf({ file, syslog, webhook, networks }: ShippingDraft): AuditShippingSettings {
  return {
    AllowedNetworks: networks.split(/[\s,]+/).filter((network) => network !== ""),
    ...(file.on && { File: { Name: file.name.trim(), Ship: file.ship } }),
    ...(syslog.on && {
      Syslog: { Protocol: syslog.protocol, Host: syslog.host.trim(), Port: Number(syslog.port) || 0, Ship: syslog.ship, ...authority(syslog.authority) },
    }),
    ...(webhook.on && { Webhook: { Url: webhook.url.trim(), Ship: webhook.ship, ...authority(webhook.authority) } }),
  };
}

function authority(pem: string): { CaPem?: string } {
  return pem.trim() === "" ? {} : { CaPem: pem.trim() };
}

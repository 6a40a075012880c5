import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Grid from "@cloudscape-design/components/grid";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import type { AuditShipping } from "@/platform/types";
import { putShipping } from "./api";
import { SinkForm } from "./SinkForm";
import { type ShippingDraft, draftOf, settingsOf } from "./shippingDraft";
import { useAuditTexts } from "./texts";

const PROTOCOLS = (["tls", "tcp", "udp"] as const).map((value) => ({ value, label: value.toUpperCase() }));

export function ShippingForm({ shipping }: { shipping: AuditShipping }) {
  const t = useAuditTexts();
  const notify = useNotify();
  const client = useQueryClient();
  const [draft, setDraft] = useState<ShippingDraft>(() => draftOf(shipping.Settings));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { file, syslog, webhook } = draft;
  const set = (part: Partial<ShippingDraft>) => setDraft({ ...draft, ...part });
  const deliveryOf = (sink: string) => shipping.Deliveries.find(({ Sink }) => Sink === sink);

  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await putShipping(settingsOf(draft), webhook.secret);
      // Into what the form holds by now: somebody may have typed on.
      setDraft((now) => ({ ...now, webhook: { ...now.webhook, secret: "" } }));
      await client.invalidateQueries({ queryKey: ["audit-shipping"] });
      notify({ type: "success", content: t("saved") });
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  return (
    <Form
      actions={
        <Button variant="primary" loading={busy} onClick={() => void save()}>
          {t("save")}
        </Button>
      }
    >
      <SpaceBetween size="l">
        {error !== undefined && <ErrorState error={error} title={t("saveFailed")} />}
        <SinkForm
          title={t("file")}
          help={t("fileHelp")}
          on={file.on}
          onToggle={(on) => set({ file: { ...file, on } })}
          ship={file.ship}
          onShip={(ship) => set({ file: { ...file, ship } })}
          delivery={deliveryOf("file")}
        >
          <FormField label={t("fileName")}>
            <Input value={file.name} onChange={({ detail }) => set({ file: { ...file, name: detail.value } })} />
          </FormField>
        </SinkForm>
        <SinkForm
          title={t("syslog")}
          help={t("syslogHelp")}
          on={syslog.on}
          onToggle={(on) => set({ syslog: { ...syslog, on } })}
          ship={syslog.ship}
          onShip={(ship) => set({ syslog: { ...syslog, ship } })}
          delivery={deliveryOf("syslog")}
        >
          <Grid gridDefinition={[{ colspan: { default: 12, s: 3 } }, { colspan: { default: 12, s: 6 } }, { colspan: { default: 12, s: 3 } }]}>
            <FormField label={t("protocol")}>
              <Select
                selectedOption={PROTOCOLS.find(({ value }) => value === syslog.protocol) ?? null}
                options={PROTOCOLS}
                onChange={({ detail }) => {
                  const chosen = PROTOCOLS.find(({ value }) => value === detail.selectedOption.value);
                  if (chosen) set({ syslog: { ...syslog, protocol: chosen.value } });
                }}
              />
            </FormField>
            <FormField label={t("host")}>
              <Input value={syslog.host} onChange={({ detail }) => set({ syslog: { ...syslog, host: detail.value } })} />
            </FormField>
            <FormField label={t("port")}>
              <Input type="number" value={syslog.port} onChange={({ detail }) => set({ syslog: { ...syslog, port: detail.value } })} />
            </FormField>
          </Grid>
          {syslog.protocol === "tls" && (
            <FormField label={t("authority")} description={t("authorityHelp")}>
              <Textarea rows={3} value={syslog.authority} onChange={({ detail }) => set({ syslog: { ...syslog, authority: detail.value } })} />
            </FormField>
          )}
        </SinkForm>
        <SinkForm
          title={t("webhook")}
          help={t("webhookHelp")}
          on={webhook.on}
          onToggle={(on) => set({ webhook: { ...webhook, on } })}
          ship={webhook.ship}
          onShip={(ship) => set({ webhook: { ...webhook, ship } })}
          delivery={deliveryOf("webhook")}
        >
          <FormField label={t("url")}>
            <Input type="url" placeholder="https://" value={webhook.url} onChange={({ detail }) => set({ webhook: { ...webhook, url: detail.value } })} />
          </FormField>
          <FormField label={t("secret")} description={shipping.WebhookHasSecret ? t("secretKept") : undefined} constraintText={t("secretHelp")}>
            <Input
              type="password"
              autoComplete={false}
              value={webhook.secret}
              onChange={({ detail }) => set({ webhook: { ...webhook, secret: detail.value } })}
            />
          </FormField>
          <FormField label={t("authority")} description={t("authorityHelp")}>
            <Textarea rows={3} value={webhook.authority} onChange={({ detail }) => set({ webhook: { ...webhook, authority: detail.value } })} />
          </FormField>
        </SinkForm>
        <Container>
          <FormField label={t("networks")} description={t("networksHelp")}>
            <Textarea rows={3} value={draft.networks} onChange={({ detail }) => set({ networks: detail.value })} />
          </FormField>
        </Container>
      </SpaceBetween>
    </Form>
  );
}

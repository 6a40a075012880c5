import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Toggle from "@cloudscape-design/components/toggle";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { CopyLine } from "@/components/CopyLine";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import type { Oidc } from "@/platform/types";
import { putOidc } from "./api";
import { type OidcDraft, draftOf, settingsOf } from "./oidcDraft";
import { useAccessTexts } from "./texts";

type Text = { [K in keyof OidcDraft]: OidcDraft[K] extends string ? K : never }[keyof OidcDraft];

export function OidcForm({ oidc }: { oidc: Oidc }) {
  const t = useAccessTexts();
  const notify = useNotify();
  const client = useQueryClient();
  const [draft, setDraft] = useState<OidcDraft>(() => draftOf(oidc.Settings));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const set = (part: Partial<OidcDraft>) => setDraft({ ...draft, ...part });
  const input = (name: Text, placeholder = "") => (
    <Input value={draft[name]} placeholder={placeholder} autoComplete={false} onChange={({ detail }) => set({ [name]: detail.value })} />
  );
  const area = (name: Text, placeholder = "") => (
    <Textarea rows={3} value={draft[name]} placeholder={placeholder} onChange={({ detail }) => set({ [name]: detail.value })} />
  );

  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await putOidc(settingsOf(draft), draft.secret);
      // Into what the form holds by now: somebody may have typed on.
      setDraft((now) => ({ ...now, secret: "" }));
      await client.invalidateQueries({ queryKey: ["oidc"] });
      notify({ type: "success", content: t("oidcSaved") });
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  return (
    <form onSubmit={(event) => void save(event)}>
      <Form
        actions={
          <Button variant="primary" loading={busy}>
            {t("save")}
          </Button>
        }
      >
        <SpaceBetween size="l">
          {error !== undefined && <ErrorState error={error} title={t("oidcFailed")} />}
          <Container header={<Header variant="h2">{t("oidcProvider")}</Header>}>
            <SpaceBetween size="m">
              <FormField label={t("oidcRedirect")} description={t("oidcRedirectHelp")} stretch>
                <CopyLine text={oidc.RedirectUri} label={t("oidcRedirect")} />
              </FormField>
              <FormField label={t("oidcIssuer")} constraintText={t("oidcIssuerHelp")}>
                {input("issuer", "https://")}
              </FormField>
              <FormField label={t("oidcClientId")}>{input("clientId")}</FormField>
              <FormField label={t("oidcSecret")} constraintText={oidc.HasClientSecret ? t("oidcSecretKept") : t("oidcSecretHelp")}>
                <Input type="password" autoComplete={false} value={draft.secret} onChange={({ detail }) => set({ secret: detail.value })} />
              </FormField>
              <FormField label={t("oidcLabel")}>{input("label")}</FormField>
              <FormField label={t("oidcNetworks")} description={t("oidcNetworksHelp")}>
                {area("networks", "10.0.0.0/8")}
              </FormField>
              <FormField label={t("oidcAuthority")} description={t("oidcAuthorityHelp")}>
                {area("authority", "-----BEGIN CERTIFICATE-----")}
              </FormField>
            </SpaceBetween>
          </Container>
          <Container header={<Header variant="h2">{t("oidcPeople")}</Header>}>
            <SpaceBetween size="m">
              <Toggle checked={draft.createsUsers} description={t("oidcCreatesHelp")} onChange={({ detail }) => set({ createsUsers: detail.checked })}>
                {t("oidcCreates")}
              </Toggle>
              <FormField label={t("oidcRoles")} description={t("oidcRolesHelp")}>
                {area("roles", "ops=operator")}
              </FormField>
              <Toggle checked={draft.isSecondFactor} description={t("oidcFactorHelp")} onChange={({ detail }) => set({ isSecondFactor: detail.checked })}>
                {t("oidcFactor")}
              </Toggle>
              <ExpandableSection headerText={t("oidcClaims")}>
                <SpaceBetween size="m">
                  <FormField label={t("oidcUserClaim")}>{input("userClaim")}</FormField>
                  <FormField label={t("oidcGroupsClaim")}>{input("groupsClaim")}</FormField>
                  <FormField label={t("oidcScopes")}>{input("scopes")}</FormField>
                </SpaceBetween>
              </ExpandableSection>
            </SpaceBetween>
          </Container>
        </SpaceBetween>
      </Form>
    </form>
  );
}

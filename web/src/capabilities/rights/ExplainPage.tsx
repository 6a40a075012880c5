import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { type FormEvent, useState } from "react";
import { useSearchParams } from "react-router";
import { usePage } from "@/components/usePage";
import { ActionField } from "./ActionField";
import type { Question } from "./api";
import { RequestAnswer, UserAnswer } from "./ExplainAnswer";
import { KINDS } from "./statements";
import { useRightsTexts } from "./texts";
import { WhoMay } from "./WhoMay";

/** Who can do this, and why was I refused. The question stands in the address, so that it can be sent to somebody. */
export default function ExplainPage() {
  const t = useRightsTexts();
  const [params, setParams] = useSearchParams();
  usePage(t("explain"));
  const tab = params.get("request") === null ? "action" : "request";
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={t("explainHelp")}>
          {t("explain")}
        </Header>
      }
    >
      <Tabs
        activeTabId={tab}
        onChange={({ detail }) => setParams(detail.activeTabId === "request" ? { request: "" } : {})}
        tabs={[
          { id: "action", label: t("byAction"), content: <ByAction params={params} onAsk={setParams} /> },
          { id: "request", label: t("byRequest"), content: <ByRequest params={params} onAsk={setParams} /> },
        ]}
      />
    </ContentLayout>
  );
}

interface AskProps {
  params: URLSearchParams;
  onAsk: (params: Record<string, string>) => void;
}

function ByAction({ params, onAsk }: AskProps) {
  const t = useRightsTexts();
  const [action, setAction] = useState(params.get("action") ?? "");
  const [kind, setKind] = useState(params.get("kind") ?? "node");
  const [id, setId] = useState(params.get("id") ?? "");
  const [user, setUser] = useState(params.get("user") ?? "");
  const asked: Question | undefined = params.get("action") ? { action: params.get("action") ?? "", kind: params.get("kind") ?? "node", id: params.get("id") ?? "" } : undefined;
  const kinds = KINDS.filter((known) => known !== "*").map((value) => ({ value, label: value }));
  const ask = (event: FormEvent) => {
    event.preventDefault();
    if (action.trim()) onAsk({ action: action.trim(), kind, id: id.trim(), ...(user.trim() ? { user: user.trim() } : {}) });
  };
  const askedUser = params.get("user");
  return (
    <SpaceBetween size="l">
      <form onSubmit={ask}>
        <Container>
          <Form actions={<Button variant="primary">{t("ask")}</Button>}>
            <ColumnLayout columns={4} minColumnWidth={180}>
              <ActionField action={action} onChange={setAction} />
              <FormField label={t("kind")}>
                <Select options={kinds} selectedOption={kinds.find(({ value }) => value === kind) ?? null} onChange={({ detail }) => setKind(detail.selectedOption.value ?? "node")} />
              </FormField>
              <FormField label={t("resourceId")} constraintText={t("resourceIdHelp")}>
                <Input value={id} autoComplete={false} placeholder="mi-…" onChange={({ detail }) => setId(detail.value)} />
              </FormField>
              <FormField label={t("userName")} constraintText={t("askUserHelp")}>
                <Input value={user} autoComplete={false} onChange={({ detail }) => setUser(detail.value)} />
              </FormField>
            </ColumnLayout>
          </Form>
        </Container>
      </form>
      {asked && askedUser && <UserAnswer key={params.toString()} question={asked} user={askedUser} />}
      {asked && !askedUser && <WhoMay key={params.toString()} question={asked} />}
    </SpaceBetween>
  );
}

function ByRequest({ params, onAsk }: AskProps) {
  const t = useRightsTexts();
  const [id, setId] = useState(params.get("request") ?? "");
  const [user, setUser] = useState(params.get("user") ?? "");
  const asked = params.get("request") ?? "";
  const ask = (event: FormEvent) => {
    event.preventDefault();
    onAsk({ request: id.trim(), ...(user.trim() ? { user: user.trim() } : {}) });
  };
  return (
    <SpaceBetween size="l">
      <form onSubmit={ask}>
        <Container>
          <Form actions={<Button variant="primary">{t("ask")}</Button>}>
            <ColumnLayout columns={2}>
              <FormField label={t("requestId")} constraintText={t("requestIdHelp")}>
                <Input value={id} autoComplete={false} onChange={({ detail }) => setId(detail.value)} />
              </FormField>
              <FormField label={t("userName")} constraintText={t("requestUserHelp")}>
                <Input value={user} autoComplete={false} onChange={({ detail }) => setUser(detail.value)} />
              </FormField>
            </ColumnLayout>
          </Form>
        </Container>
      </form>
      {asked !== "" && <RequestAnswer key={params.toString()} requestId={asked} user={params.get("user") ?? undefined} />}
    </SpaceBetween>
  );
}

import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { TagsEditor } from "@/components/TagsEditor";
import { filledTags, hasTagErrors } from "@/components/tagRules";
import type { JoinLine, Tag } from "@/platform/types";
import { createJoinLine } from "./api";
import { useActivationTexts } from "./texts";

const COUNT_MOST = 100_000;
const DURATIONS = [
  { seconds: 3600, text: "hour" },
  { seconds: 86_400, text: "day" },
  { seconds: 604_800, text: "week" },
  { seconds: 2_592_000, text: "month" },
] as const;

export function JoinForm({ onMade }: { onMade: (line: JoinLine, count: number) => void }) {
  const t = useActivationTexts();
  const [name, setName] = useState("");
  const [count, setCount] = useState("1");
  const [seconds, setSeconds] = useState("86400");
  const [tags, setTags] = useState<Tag[]>([]);
  const [needsApproval, setNeedsApproval] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const number = Number(count);
  const isCountGood = /^\d+$/.test(count.trim()) && number >= 1 && number <= COUNT_MOST;

  const make = async (event: FormEvent) => {
    event.preventDefault();
    if (!isCountGood || hasTagErrors(tags)) return;
    setBusy(true);
    setError(undefined);
    try {
      onMade(await createJoinLine({ name: name.trim(), count: number, expiresInSeconds: Number(seconds), tags: filledTags(tags), needsApproval }), number);
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  const options = DURATIONS.map(({ seconds: value, text }) => ({ value: String(value), label: t(text) }));
  return (
    <form onSubmit={(event) => void make(event)}>
      <Form
        actions={
          <Button variant="primary" formAction="submit" loading={busy}>
            {t("makeLine")}
          </Button>
        }
      >
        <Container header={<Header variant="h2">{t("settings")}</Header>}>
          <SpaceBetween size="l">
            {error !== undefined && <ErrorState error={error} title={t("makeFailed")} />}
            <ColumnLayout columns={3}>
              <FormField label={t("count")} constraintText={t("countHelp")} errorText={isCountGood ? undefined : t("countError")}>
                <Input value={count} inputMode="numeric" onChange={({ detail }) => setCount(detail.value)} />
              </FormField>
              <FormField label={t("expiry")}>
                <Select
                  selectedOption={options.find(({ value }) => value === seconds) ?? null}
                  options={options}
                  onChange={({ detail }) => setSeconds(detail.selectedOption.value ?? "86400")}
                />
              </FormField>
              <FormField label={t("name")} constraintText={t("nameHelp")}>
                <Input value={name} autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
              </FormField>
            </ColumnLayout>
            <Checkbox checked={needsApproval} description={t("approvalHelp")} onChange={({ detail }) => setNeedsApproval(detail.checked)}>
              {t("approval")}
            </Checkbox>
            <FormField label={t("tags")} description={t("tagsHelp")} stretch>
              <TagsEditor tags={tags} onChange={setTags} />
            </FormField>
          </SpaceBetween>
        </Container>
      </Form>
    </form>
  );
}

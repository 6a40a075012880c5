import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { putRetention, retentionQuery } from "./api";
import { useAuditTexts } from "./texts";

const DAYS = [90, 180, 400, 1100, 3700] as const;

/** How long rows stay in the database. */
export function Retention() {
  const t = useAuditTexts();
  const notify = useNotify();
  const client = useQueryClient();
  const query = useQuery(retentionQuery);
  const [error, setError] = useState<unknown>();
  const days = query.data?.KeepDays;
  const known = days === undefined || DAYS.some((value) => value === days) ? DAYS : [...DAYS, days];
  const options = [{ value: "", label: t("keepForever") }, ...known.map((value) => ({ value: String(value), label: t("keepDays", { days: value }) }))];

  const change = async (value: string | undefined) => {
    setError(undefined);
    try {
      await putRetention(value ? Number(value) : undefined);
      await client.invalidateQueries({ queryKey: ["audit-retention"] });
      notify({ type: "success", content: t("keepSaved") });
    } catch (cause) {
      setError(cause);
    }
  };

  return (
    <Container>
      <SpaceBetween size="m">
        {query.error && <ErrorState error={query.error} onRetry={() => void query.refetch()} />}
        {error !== undefined && <ErrorState error={error} title={t("keepFailed")} />}
        {query.data && (
          <FormField
            label={t("keep")}
            description={t("keepHelp")}
            constraintText={t("segments", { count: query.data.Segments.length, folder: query.data.Folder })}
          >
            <Select
              options={options}
              selectedOption={options.find(({ value }) => value === String(days ?? "")) ?? null}
              onChange={({ detail }) => void change(detail.selectedOption.value)}
            />
          </FormField>
        )}
      </SpaceBetween>
    </Container>
  );
}

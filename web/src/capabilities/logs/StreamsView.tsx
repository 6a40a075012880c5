import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import { type SubmitEvent, useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { EmptyState } from "@/components/EmptyState";
import { QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { useCommonTexts } from "@/components/texts";
import { useList } from "@/components/useList";
import { useNodeNames } from "@/components/useNodeNames";
import { useLocale } from "@/platform/i18n/locale";
import { usePages } from "@/platform/pages";
import type { LogStream, Sort } from "@/platform/types";
import { UPSTREAM_PAGE_SIZES, viewFromParams, withParams } from "@/platform/view";
import { BY_TIME, isNoneVisible, listStreams, orderOf } from "./api";
import { partsOf } from "./streamName";
import { streamColumns } from "./streamColumns";
import { useLogsTexts } from "./texts";
import "./logs.css";

const NEWEST: Sort = { Key: BY_TIME, Descending: true };

/** The streams of a group, the latest first, or those whose names begin as the address says. */
export function StreamsView({ group }: { group: string }) {
  const t = useLogsTexts();
  const common = useCommonTexts();
  const locale = useLocale();
  const list = useList("log-streams", UPSTREAM_PAGE_SIZES);
  const [params, setParams] = useSearchParams();
  const prefix = params.get("prefix") ?? "";
  const sort = orderOf({ prefix, sort: viewFromParams(params, list.size).sort ?? NEWEST });
  const pages = usePages<LogStream>({
    queryKey: ["logs", "streams", group, prefix, sort],
    fetchPage: (cursor, size, signal) => listStreams(group, { prefix, sort }, cursor, size, signal),
    size: list.size,
  });
  const nameOf = useNodeNames(pages.items.map(({ logStreamName }) => partsOf(logStreamName).node));
  const columns = useMemo(() => streamColumns(group, prefix === "", { t, locale, nameOf }), [group, prefix, t, locale, nameOf]);
  const set = (changes: Record<string, string | undefined>) => setParams(withParams(params, changes), { replace: true });
  if (isNoneVisible(pages.error)) return <EmptyState title={t("noneVisible")}>{t("noneVisibleHelp")}</EmptyState>;

  return (
    <QueryTable
      label={t("streams")}
      list={list}
      pages={pages}
      columns={columns}
      trackBy={(one) => one.logStreamName}
      sort={sort}
      onSort={({ Key, Descending }) => set({ sort: (Descending ? "-" : "") + Key })}
      header={<Header actions={<RefreshButton pages={pages} />}>{t("streams")}</Header>}
      filter={<PrefixForm prefix={prefix} onSearch={(text) => set({ prefix: text || undefined })} />}
      empty={
        prefix === "" ? (
          <EmptyState title={t("streamsNone")}>{t("streamsNoneYet")}</EmptyState>
        ) : (
          <EmptyState title={t("streamsNone")} action={<Button onClick={() => set({ prefix: undefined })}>{common("clearFilter")}</Button>}>
            {t("streamsNoneHelp")}
          </EmptyState>
        )
      }
    />
  );
}

function PrefixForm({ prefix, onSearch }: { prefix: string; onSearch: (prefix: string) => void }) {
  const t = useLogsTexts();
  const [typed, setTyped] = useState(prefix);
  const [taken, setTaken] = useState(prefix);
  // Somebody else changed it: the field follows, and keeps the focus.
  if (taken !== prefix) {
    setTaken(prefix);
    setTyped(prefix);
  }
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    onSearch(typed.trim());
  };
  return (
    <form className="log-prefix" role="search" onSubmit={send}>
      <FormField label={t("prefix")} constraintText={t("prefixHelp")} stretch>
        <Input type="search" value={typed} autoComplete={false} spellcheck={false} onChange={({ detail }) => setTyped(detail.value)} />
      </FormField>
      <div className="log-search-button">
        <Button iconName="search">{t("search")}</Button>
      </div>
    </form>
  );
}

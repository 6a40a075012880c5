import Container from "@cloudscape-design/components/container";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { withParams } from "@/platform/view";
import { latestQuery } from "./api";
import { type Range, defaultRange, isOpen, paramsOfRange, rangeFromParams } from "./range";
import { SearchForm } from "./SearchForm";
import { SearchResult } from "./SearchResult";
import "./logs.css";

interface Props {
  group: string;
  /** When its latest lines came, in epoch milliseconds. */
  latest: number | undefined;
}

/** The lines of a group: what is looked for stands in the address. */
export function EventsView({ group, latest }: Props) {
  const client = useQueryClient();
  const [params, setParams] = useSearchParams();
  const [usual] = useState(() => defaultRange(latest, Date.now()));
  const [isFollowing, setFollowing] = useState(false);
  const [round, setRound] = useState(0);
  const range = rangeFromParams(params) ?? usual;
  const search = { group, pattern: params.get("pattern") ?? "", prefix: params.get("prefix") ?? "" };

  const take = (pattern: string, prefix: string, changed: Range) => {
    const times = rangeFromParams(params) === undefined && changed === usual ? {} : paramsOfRange(changed);
    setParams(withParams(params, { pattern: pattern || undefined, prefix: prefix || undefined, ...times }), { replace: true });
    // The same search again asks again.
    setRound((before) => before + 1);
    void client.invalidateQueries({ queryKey: latestQuery(group).queryKey });
  };
  const wanted = JSON.stringify([search, range, round]);
  return (
    <Container header={<SearchForm search={search} range={range} onSearch={take} />}>
      <SearchResult
        key={wanted}
        search={search}
        range={range}
        latest={latest}
        isFollowing={isFollowing && isOpen(range)}
        onFollow={setFollowing}
        onAll={range === "all" ? undefined : () => take(search.pattern, search.prefix, "all")}
      />
    </Container>
  );
}

import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { type SubmitEvent, useState } from "react";
import type { Search } from "./api";
import type { Range } from "./range";
import { TimesField } from "./TimesField";
import { useLogsTexts } from "./texts";

interface Props {
  search: Search;
  range: Range;
  onSearch: (pattern: string, prefix: string, range: Range) => void;
}

/** What is looked for in a group. Words are looked for when they are complete, a time at once. */
export function SearchForm({ search, range, onSearch }: Props) {
  const t = useLogsTexts();
  const [pattern, setPattern] = useState(search.pattern);
  const [prefix, setPrefix] = useState(search.prefix);
  const submit = (chosen: Range) => onSearch(pattern.trim(), prefix.trim(), chosen);
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    submit(range);
  };
  return (
    <form className="log-search" role="search" onSubmit={send}>
      <FormField label={t("pattern")} constraintText={t("patternHelp")} stretch>
        <Input type="search" value={pattern} autoComplete={false} spellcheck={false} onChange={({ detail }) => setPattern(detail.value)} />
      </FormField>
      <FormField label={t("prefix")} constraintText={t("prefixHelp")} stretch>
        <Input type="search" value={prefix} autoComplete={false} spellcheck={false} onChange={({ detail }) => setPrefix(detail.value)} />
      </FormField>
      <FormField label={t("times")} stretch>
        <TimesField range={range} onChange={submit} />
      </FormField>
      <div className="log-search-button">
        <Button iconName="search">{t("search")}</Button>
      </div>
    </form>
  );
}

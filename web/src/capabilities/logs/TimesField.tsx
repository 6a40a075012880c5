import DateRangePicker, { type DateRangePickerProps } from "@cloudscape-design/components/date-range-picker";
import { PRESETS, type Range, type Unit } from "./range";
import { useLogsTexts } from "./texts";

const UNITS: Unit[] = ["minute", "hour", "day", "week"];
const OPTIONS = PRESETS.map(({ amount, unit }) => ({ key: `${amount} ${unit}`, amount, unit, type: "relative" as const }));

interface Props {
  range: Range;
  onChange: (range: Range) => void;
}

/** The last hours, from one time to another, or all. */
export function TimesField({ range, onChange }: Props) {
  const t = useLogsTexts();
  return (
    <DateRangePicker
      value={valueOf(range)}
      relativeOptions={OPTIONS}
      customRelativeRangeUnits={UNITS}
      isValidRange={(value) => (isRange(value) ? { valid: true } : { valid: false, errorMessage: t("timesInvalid") })}
      absoluteFormat="long-localized"
      hideTimeOffset
      placeholder={t("timesAll")}
      expandToViewport
      onChange={({ detail }) => onChange(rangeOf(detail.value))}
    />
  );
}

function valueOf(range: Range): DateRangePickerProps.Value | null {
  if (range === "all") return null;
  if ("from" in range) return { type: "absolute", startDate: range.from, endDate: range.until };
  const { amount, unit } = range;
  return OPTIONS.find((option) => option.amount === amount && option.unit === unit) ?? { type: "relative", amount, unit };
}

function rangeOf(value: DateRangePickerProps.Value | null): Range {
  if (value === null) return "all";
  if (value.type === "absolute") return { from: value.startDate, until: value.endDate };
  return { amount: value.amount, unit: UNITS.find((unit) => unit === value.unit) ?? "hour" };
}

function isRange(value: DateRangePickerProps.Value | null): boolean {
  if (value === null) return true;
  if (value.type === "relative") return value.amount >= 1;
  return Date.parse(value.startDate) < Date.parse(value.endDate);
}

import type { Locale } from "./i18n/locale";

/** Times of the API are epoch seconds with fraction. */
export type EpochSeconds = number;

const ZONED: Intl.DateTimeFormatOptions = {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
  timeZoneName: "short",
};

/** Local time, always with its zone. */
export function formatTime(at: EpochSeconds, locale: Locale, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { ...ZONED, timeZone }).format(new Date(at * 1000));
}

/** Day and time without year and zone, where many stand below one another and the hover text has the rest. */
export function formatMoment(at: EpochSeconds, locale: Locale, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone }).format(new Date(at * 1000));
}

/** The hover text: local time and UTC, one below the other. */
export function formatTimeTitle(at: EpochSeconds, locale: Locale, timeZone?: string): string {
  const utc = new Date(at * 1000).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
  return `${formatTime(at, locale, timeZone)}\n${utc}`;
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** "3 minutes ago", "in 2 hours". Within five seconds it is "now": clocks of hub and browser differ. */
export function formatRelative(at: EpochSeconds, now: EpochSeconds, locale: Locale): string {
  const formatter = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const distance = at - now;
  if (Math.abs(distance) < 5) return formatter.format(0, "second");
  for (const [name, seconds] of STEPS) {
    if (Math.abs(distance) >= seconds) return formatter.format(Math.trunc(distance / seconds), name);
  }
  return formatter.format(0, "second");
}

/** The two largest units that matter: "3 d 4 h", "5 min 2 s", "1.4 s", "420 ms". */
export function formatDuration(seconds: number, locale: Locale): string {
  if (seconds > 0 && seconds < 0.9995) return unit(Math.max(seconds * 1000, 1), "millisecond", locale, 0);
  if (seconds < 10) return unit(Math.max(seconds, 0), "second", locale, seconds < 9.95 ? 1 : 0);
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [name, size] of STEPS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(unit(count, name, locale, 0));
    if (parts.length === 2 || (parts.length === 1 && count === 0)) break;
  }
  return parts.join(" ");
}

function unit(value: number, name: string, locale: Locale, digits: number): string {
  return new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits }).format(value);
}

/** Binary sizes with their binary names. */
export function formatBytes(bytes: number, locale: Locale): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let index = 0;
  while (value >= 1024 && index < names.length - 1) {
    value /= 1024;
    index += 1;
  }
  const digits = index === 0 || value >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value)} ${names[index]}`;
}

export function formatNumber(value: number, locale: Locale): string {
  return new Intl.NumberFormat(locale).format(value);
}

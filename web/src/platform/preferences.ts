import { useSyncExternalStore } from "react";

/** What a person chose for one list; what is missing is as the page made it. */
export interface ListPreference {
  size?: number;
  /** Every column that was known then, in the order chosen. */
  columns?: readonly { id: string; visible: boolean }[];
  /** Pixels, by column. */
  widths?: Readonly<Record<string, number>>;
  isCompact?: boolean;
}

/** What a person chose for this browser. Each value stands alone under its own key in local storage. */
export interface Preferences {
  language: "system" | "en" | "ja";
  appearance: "system" | "light" | "dark";
  /** For lists without a size of their own. */
  pageSize: number;
  lists: Readonly<Record<string, ListPreference>>;
  /** Keys without Ctrl, Alt or Cmd; whoever dictates turns them off. */
  singleKeys: boolean;
  terminalFontSize: number;
  terminalCopyOnSelect: boolean;
  terminalScreenReader: boolean;
  welcomeDismissed: boolean;
  /** Whether this browser logged in and has not logged out: only then is it worth asking the hub who is there. */
  isLoggedIn: boolean;
}

export const DEFAULTS: Preferences = {
  language: "system",
  appearance: "system",
  pageSize: 20,
  lists: {},
  singleKeys: true,
  terminalFontSize: 14,
  terminalCopyOnSelect: false,
  terminalScreenReader: false,
  welcomeDismissed: false,
  isLoggedIn: false,
};

const listeners = new Set<() => void>();
const cache = new Map<keyof Preferences, unknown>();

export function preference<K extends keyof Preferences>(key: K): Preferences[K] {
  if (!cache.has(key)) cache.set(key, stored(key));
  return cache.get(key) as Preferences[K];
}

export function setPreference<K extends keyof Preferences>(key: K, value: Preferences[K]): void {
  cache.set(key, value);
  try {
    localStorage.setItem(storageKey(key), JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: the choice lasts until the page is left.
  }
  for (const listener of listeners) listener();
}

export function usePreference<K extends keyof Preferences>(key: K): [Preferences[K], (value: Preferences[K]) => void] {
  const value = useSyncExternalStore(subscribe, () => preference(key));
  return [value, (next) => setPreference(key, next)];
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function stored<K extends keyof Preferences>(key: K): Preferences[K] {
  try {
    const text = localStorage.getItem(storageKey(key));
    const value: unknown = text === null ? undefined : JSON.parse(text);
    return typeof value === typeof DEFAULTS[key] ? (value as Preferences[K]) : DEFAULTS[key];
  } catch {
    return DEFAULTS[key];
  }
}

function storageKey(key: keyof Preferences): string {
  return `roadstead.${key}`;
}

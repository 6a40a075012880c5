import type { en } from "./en";

export const ja: Record<keyof typeof en, string> = {
  stateWaiting: "待機中",
  stateUploaded: "アップロード済み",
  stateFailed: "断念",
  retry: "再試行",
  retried: "再試行します",
  upload: "アップロード",
};

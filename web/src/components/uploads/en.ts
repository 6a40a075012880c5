export const en = {
  stateWaiting: "Waiting",
  stateUploaded: "Uploaded",
  stateFailed: "Given up",
  retry: "Try again",
  retried: "It is tried again",
  upload: "Upload",
} as const;

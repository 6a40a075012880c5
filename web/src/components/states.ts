import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { OfflineReason } from "@/platform/types";
import type { en } from "./en";

type Key = keyof typeof en;

/** The one table from status to looks and words. Keys are upstream's words without blanks. */
export const STATES: Record<string, { type: StatusIndicatorProps.Type; text: Key }> = {
  Pending: { type: "pending", text: "statePending" },
  InProgress: { type: "in-progress", text: "stateInProgress" },
  Delayed: { type: "pending", text: "stateDelayed" },
  Success: { type: "success", text: "stateSuccess" },
  Failed: { type: "error", text: "stateFailed" },
  TimedOut: { type: "error", text: "stateTimedOut" },
  DeliveryTimedOut: { type: "warning", text: "stateDeliveryTimedOut" },
  ExecutionTimedOut: { type: "error", text: "stateExecutionTimedOut" },
  Cancelled: { type: "stopped", text: "stateCancelled" },
  Canceled: { type: "stopped", text: "stateCancelled" },
  Cancelling: { type: "in-progress", text: "stateCancelling" },
  Undeliverable: { type: "warning", text: "stateUndeliverable" },
  Terminated: { type: "stopped", text: "stateTerminated" },
  InvalidPlatform: { type: "warning", text: "stateInvalidPlatform" },
  AccessDenied: { type: "error", text: "stateAccessDenied" },
  Incomplete: { type: "warning", text: "stateIncomplete" },
  NoInstancesInTag: { type: "info", text: "stateNoInstancesInTag" },
};

export const SESSION_STATES: Record<string, { type: StatusIndicatorProps.Type; text: Key }> = {
  Connected: { type: "success", text: "stateConnected" },
  Connecting: { type: "in-progress", text: "stateConnecting" },
  Disconnected: { type: "pending", text: "stateDisconnected" },
  Terminating: { type: "in-progress", text: "stateTerminating" },
  Terminated: { type: "stopped", text: "stateEnded" },
  Failed: { type: "error", text: "stateFailed" },
};

export const OFFLINE_REASONS: Record<OfflineReason, Key> = {
  CleanStop: "reasonCleanStop",
  Updating: "reasonUpdating",
  HeartbeatLost: "reasonHeartbeatLost",
  ConnectionLost: "reasonConnectionLost",
  HubRestarted: "reasonHubRestarted",
  NeverConnected: "reasonNeverConnected",
};

const TERMINAL = new Set([
  "Success",
  "Failed",
  "TimedOut",
  "DeliveryTimedOut",
  "ExecutionTimedOut",
  "Cancelled",
  "Canceled",
  "Undeliverable",
  "Terminated",
  "InvalidPlatform",
  "AccessDenied",
  "Incomplete",
  "NoInstancesInTag",
]);

/** `In Progress` and `InProgress` are the same state. */
export function stateName(status: string): string {
  return status.replaceAll(" ", "");
}

export function isTerminal(status: string): boolean {
  return TERMINAL.has(stateName(status));
}

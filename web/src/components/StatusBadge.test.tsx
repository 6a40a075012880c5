import { render, screen } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";
import { setPreference } from "@/platform/preferences";
import { NodeStatusBadge } from "./NodeStatusBadge";
import { StatusBadge } from "./StatusBadge";

beforeEach(() => setPreference("language", "en"));

it("knows a state with and without blanks", () => {
  render(<StatusBadge status="Delivery Timed Out" />);
  render(<StatusBadge status="DeliveryTimedOut" />);
  expect(screen.getAllByText("Not delivered in time")).toHaveLength(2);
});

it("shows the hub's own word for a state it does not know", () => {
  render(<StatusBadge status="Pondering" />);
  expect(screen.getByText("Pondering")).toBeTruthy();
});

it("says in the person's language why a node is offline", () => {
  setPreference("language", "ja");
  render(<NodeStatusBadge status="Offline" reason="CleanStop" lastSeenAt={Date.now() / 1000 - 120} detailed />);
  expect(screen.getByText("オフライン")).toBeTruthy();
  expect(screen.getByText(/2 分前/)).toBeTruthy();
  expect(screen.getByText(/エージェントが停止されました/)).toBeTruthy();
});

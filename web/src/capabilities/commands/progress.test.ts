import { expect, it } from "vitest";
import { failedCount, ordered } from "./progress";

const STATES = [
  { StatusDetails: "Failed", Count: 2 },
  { StatusDetails: "Pending", Count: 4 },
  { StatusDetails: "Delivery Timed Out", Count: 1 },
  { StatusDetails: "Success", Count: 7 },
  { StatusDetails: "InProgress", Count: 0 },
];

it("counts every end but success as failed", () => {
  expect(failedCount(STATES)).toBe(3);
});

it("starts with success and leaves out what is empty", () => {
  expect(ordered(STATES).map(({ StatusDetails }) => StatusDetails)).toEqual(["Success", "Pending", "Failed", "Delivery Timed Out"]);
});

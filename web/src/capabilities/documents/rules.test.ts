import { expect, test } from "vitest";
import { copyName, marksOf, offsetOf, reviewActions } from "./rules";

const problem = (Line: number, Severity: "error" | "warning") => ({ Line, Severity, Column: 1, Path: "", Message: "" });

test("a line has the worst mark of its problems", () => {
  const marks = marksOf([problem(2, "warning"), problem(2, "error"), problem(2, "warning"), problem(5, "warning"), problem(0, "error")]);
  expect([...marks]).toEqual([[2, "error"], [5, "warning"]]);
});

test("a place in the text is found by line and column", () => {
  expect(offsetOf("ab\ncd\n", 1, 1)).toBe(0);
  expect(offsetOf("ab\ncd\n", 2, 2)).toBe(4);
  // One character of two code units counts once.
  expect(offsetOf("x\n😀y", 2, 2)).toBe(4);
  expect(offsetOf("ab", 9, 9)).toBe(3);
});

test("a copy gets a name that may be given", () => {
  expect(copyName("AWS-RunShellScript")).toBe("My-RunShellScript");
  expect(copyName("Roadstead-SetLimit")).toBe("My-SetLimit");
  expect(copyName("Restart")).toBe("My-Restart");
});

test("a review goes on as its state allows", () => {
  expect(reviewActions("NOT_REVIEWED")).toEqual(["SendForReview"]);
  expect(reviewActions("PENDING")).toContain("Approve");
  expect(reviewActions("APPROVED")).not.toContain("Reject");
});

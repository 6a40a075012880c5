import { expect, it } from "vitest";
import { resourcePath } from "./paths";

it("leads to the page of whatever has one", () => {
  expect(resourcePath({ type: "ManagedInstance", id: "mi-1" })).toBe("/nodes/mi-1");
  expect(resourcePath({ type: "Parameter", id: "/app/port" })).toBe("/parameters/at?name=%2Fapp%2Fport");
  expect(resourcePath({ type: "Document", id: "Greet" })).toBe("/documents/at/Greet");
  expect(resourcePath({ type: "Group", id: "lights" })).toBeUndefined();
});

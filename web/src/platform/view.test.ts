import { describe, expect, it } from "vitest";
import { type View, viewFromParams, viewToParams, withParams } from "./view";

describe("a list's view in the address", () => {
  it("is empty for the plain list", () => {
    expect(viewToParams(viewFromParams(new URLSearchParams(), 20), 20).toString()).toBe("");
  });

  it("survives the way there and back", () => {
    const view: View = {
      filter: { Join: "or", Terms: [{ Key: "tag:Env", Op: "eq", Value: "本番 環境" }, { Key: "status", Op: "ne", Value: "online" }] },
      sort: { Key: "lastSeen", Descending: true },
      size: 50,
    };
    const address = viewToParams(view, 20).toString();
    expect(viewFromParams(new URLSearchParams(address), 20)).toEqual(view);
  });

  it("falls back to the smallest page for a size nobody offers", () => {
    expect(viewFromParams(new URLSearchParams("size=5000"), 20).size).toBe(20);
  });
});

it("changes an address name by name, and leaves the other names alone", () => {
  const params = new URLSearchParams("group=a&state=Failed&tab=streams");
  expect(withParams(params, { state: ["TimedOut", "Cancelled"], tab: undefined, prefix: "x/y" }).toString()).toBe("group=a&state=TimedOut&state=Cancelled&prefix=x%2Fy");
  expect(params.toString()).toBe("group=a&state=Failed&tab=streams");
});

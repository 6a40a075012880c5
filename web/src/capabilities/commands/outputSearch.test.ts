import { expect, test } from "vitest";
import { withParams } from "@/platform/view";
import { type Wanted, searchRequest, wantedFromParams, wantedToParams } from "./outputSearch";

const PLAIN: Wanted = { text: "disk full", isRegex: false, ignoresCase: false, stream: undefined, isWithout: false };
const FULL: Wanted = { text: "^a+$ & more", isRegex: true, ignoresCase: true, stream: "stderr", isWithout: true };

test.each([PLAIN, FULL])("a search comes back from its address", (wanted) => {
  const params = withParams(new URLSearchParams("tab=search"), wantedToParams(wanted));
  expect(wantedFromParams(new URLSearchParams(params.toString()))).toEqual(wanted);
});

test("a plain search has a plain address", () => {
  expect(withParams(new URLSearchParams("stream=stderr"), wantedToParams(PLAIN)).toString()).toBe("stream=stderr&find=disk+full");
});

test("an address that names no stream means both", () => {
  expect(wantedFromParams(new URLSearchParams("find=x&in=stdin")).stream).toBeUndefined();
});

test("the hub is asked for no more than was chosen", () => {
  expect(searchRequest("c", PLAIN, [], undefined)).toEqual({ CommandId: "c", Text: "disk full", Regex: false, IgnoreCase: false, WithoutMatch: false });
  expect(searchRequest("c", FULL, ["Failed"], "next")).toMatchObject({ Stream: "stderr", Status: ["Failed"], NextToken: "next" });
});

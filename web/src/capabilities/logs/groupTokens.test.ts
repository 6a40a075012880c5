import { expect, it } from "vitest";
import { filterFromText } from "@/platform/filter";
import { askedOf, onlyLast } from "./groupTokens";

it.each<[string, object]>([
  ["", {}],
  ["ssm", { logGroupNamePattern: "ssm" }],
  ["name:ssm", { logGroupNamePattern: "ssm" }],
  ["name^/aws/", { logGroupNamePrefix: "/aws/" }],
  ["name=/aws/ssm/X", { logGroupIdentifiers: ["/aws/ssm/X"] }],
  ["name:a name^b", { logGroupNamePrefix: "b" }],
])("the filter “%s” asks for %j", (text, asked) => {
  expect(askedOf(filterFromText(text))).toEqual(asked);
});

it("keeps the token that came last", () => {
  expect(onlyLast(filterFromText("name:a name^b"))).toEqual(filterFromText("name^b"));
});

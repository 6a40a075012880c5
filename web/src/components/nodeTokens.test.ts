import { expect, it } from "vitest";
import type { Filter } from "@/platform/types";
import { filterFromQuery, queryFromFilter } from "./nodeTokens";

it("tokens and filter say the same", () => {
  const filter: Filter = {
    Join: "or",
    Terms: [
      { Key: "text", Op: "contains", Value: "web" },
      { Key: "tag:Env", Op: "prefix", Value: "prod" },
      { Key: "version", Op: "ge", Value: "12" },
    ],
  };
  const query = queryFromFilter(filter);
  expect(query.tokens).toEqual([
    { operator: ":", value: "web" },
    { propertyKey: "tag:Env", operator: "^", value: "prod" },
    { propertyKey: "version", operator: ">=", value: "12" },
  ]);
  expect(filterFromQuery(query)).toEqual(filter);
});

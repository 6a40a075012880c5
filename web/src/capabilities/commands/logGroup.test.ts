import { expect, it } from "vitest";
import { draftFromParams, isWhatReady, sendRequest } from "./draft";
import { isLogGroup } from "./logGroup";

it.each<[string, boolean]>([["", true], ["/aws/ssm/A_b.c#1", true], ["a b", false], ["a:b", false], ["x".repeat(513), false]])("“%s” as a name: %s", (name, fits) => {
  expect(isLogGroup(name)).toBe(fits);
});

it("sends the choice, and a name only when one was typed", () => {
  const draft = { ...draftFromParams(new URLSearchParams("nodes=mi-1")), script: "true" };
  expect(sendRequest({ ...draft, logGroup: "mine" }, []).CloudWatchOutputConfig).toBeUndefined();
  expect(sendRequest({ ...draft, isLogged: true }, []).CloudWatchOutputConfig).toEqual({ CloudWatchOutputEnabled: true });
  expect(sendRequest({ ...draft, isLogged: true, logGroup: " mine " }, []).CloudWatchOutputConfig).toEqual({ CloudWatchOutputEnabled: true, CloudWatchLogGroupName: "mine" });
  expect(isWhatReady({ ...draft, isLogged: true, logGroup: "a b" }, undefined)).toBe(false);
  expect(isWhatReady({ ...draft, logGroup: "a b" }, undefined)).toBe(true);
});

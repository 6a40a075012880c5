import { describe, expect, it } from "vitest";
import { specsOf } from "@/components/documentParameters";
import { type Draft, draftFromParams, inRange, isPaceReady, isPlace, isRate, isWhatReady, resolveRequest, sendRequest, tagTargets } from "./draft";

const draft = (search: string) => draftFromParams(new URLSearchParams(search));
const place = (outputPlace: string) => sendRequest({ ...draft("nodes=mi-1"), outputPlace }, []);

describe("the run-command draft", () => {
  it("starts with the nodes the address names", () => {
    expect(resolveRequest(draft("nodes=mi-1,mi-2"))).toEqual({ InstanceIds: ["mi-1", "mi-2"], TimeoutSeconds: 600 });
  });

  it("has no targets while nothing is chosen", () => {
    expect(resolveRequest(draft(""))).toBeUndefined();
    expect(resolveRequest({ ...draft(""), kind: "tags" })).toBeUndefined();
  });

  it("sends the filter, never the nodes it fits", () => {
    const request = sendRequest({ ...draft("filter=tag%3AEnv%3Dprod"), script: "uptime\n" }, []);
    expect(request.InstanceIds).toBeUndefined();
    expect(request.Targets).toEqual([{ Key: "roadstead:filter", Values: ["tag:Env=prod"] }]);
  });

  it("sends the script line by line and leaves empty settings out", () => {
    const request = sendRequest({ ...draft("nodes=mi-1"), script: "echo a\r\necho b\n\n", comment: " " }, []);
    expect(request.Parameters).toEqual({ commands: ["echo a", "echo b"], executionTimeout: ["3600"] });
    expect(request.Comment).toBeUndefined();
  });

  it("sends the bucket that the output goes to, and its prefix", () => {
    expect(place(" ").OutputS3BucketName).toBeUndefined();
    expect(place("logs")).toMatchObject({ OutputS3BucketName: "logs" });
    expect(place("logs").OutputS3KeyPrefix).toBeUndefined();
    expect(place(" logs/a/b ")).toMatchObject({ OutputS3BucketName: "logs", OutputS3KeyPrefix: "a/b" });
    expect(["", "logs", "logs/a b"].every(isPlace)).toBe(true);
    expect(["lo", "s3://logs", "a b", "/logs"].some(isPlace)).toBe(false);
  });

  it("sends the pace, and first nodes only when they are wanted", () => {
    const request = sendRequest({ ...draft("nodes=mi-1"), concurrency: " 10% " }, []);
    expect(request).toMatchObject({ MaxConcurrency: "10%", MaxErrors: "0", OfflineNodes: "Wait" });
    expect(request.Canary).toBeUndefined();
    expect(sendRequest({ ...draft("nodes=mi-1"), canary: "1" }, []).Canary).toBe("1");
  });

  it.each<[string, 0 | 1, boolean]>([
    ["1", 1, true],
    ["100%", 1, true],
    ["0", 1, false],
    ["0", 0, true],
    ["0%", 0, true],
    ["101%", 0, false],
    ["007", 0, false],
    ["12345678", 0, false],
    ["1.5", 0, false],
    ["", 0, false],
  ])("%s as a rate from %s on: %s", (text, least, fits) => {
    expect(isRate(text, least)).toBe(fits);
    expect(isPaceReady({ ...draft(""), ...(least === 1 ? { concurrency: text } : { maxErrors: text }) })).toBe(fits);
  });

  it("runs a document with what differs from its defaults", () => {
    const specs = specsOf('{"parameters":{"unit":{"type":"String"},"state":{"type":"String","default":"present"}}}');
    const start = draft("nodes=mi-1&document=Restart&version=3");
    expect(isWhatReady(start, specs)).toBe(false);
    expect(isWhatReady(start, undefined)).toBe(false);
    const ready = { ...start, values: { unit: "ssh", state: "present" } };
    expect(isWhatReady(ready, specs)).toBe(true);
    const request = sendRequest(ready, specs);
    expect(request).toMatchObject({ DocumentName: "Restart", DocumentVersion: "3", Parameters: { unit: ["ssh"] }, InstanceIds: ["mi-1"] });
    expect(request.Parameters).not.toHaveProperty("state");
  });

  it("names a channel as a topic", () => {
    expect(sendRequest(draft("nodes=mi-1"), []).NotificationConfig).toBeUndefined();
    expect(sendRequest({ ...draft("nodes=mi-1"), notify: "ops" }, []).NotificationConfig).toMatchObject({ NotificationArn: "arn:aws:sns:local:000000000000:ops" });
  });

  it("sends settings of the processes only when there are some", () => {
    expect(sendRequest(draft("nodes=mi-1"), []).RunSettings).toBeUndefined();
    const request = sendRequest({ ...draft("nodes=mi-1"), user: " www-data ", environment: "A=b=c\n\n_x= y", nice: "5", memory: "64", cpu: "50" }, []);
    expect(request.RunSettings).toEqual({ User: "www-data", Environment: { A: "b=c", _x: " y" }, Nice: 5, MemoryMiB: 64, CpuPercent: 50 });
  });

  it.each<[Partial<Draft>, boolean]>([
    [{ environment: "A" }, false],
    [{ environment: "1A=b" }, false],
    [{ nice: "20" }, false],
    [{ memory: "15" }, false],
    [{ cpu: "0" }, false],
    [{ cpu: "150", nice: "0", memory: "16", environment: "A=" }, true],
  ])("settings %o are fine: %s", (part, fits) => {
    expect(isWhatReady({ ...draft("nodes=mi-1"), script: "true", ...part }, undefined)).toBe(fits);
  });

  it("reads values between commas and leaves incomplete rows out", () => {
    const rows = [
      { key: " Env ", values: "prod, stage," },
      { key: "Role", values: "" },
      { key: "", values: "x" },
    ];
    expect(tagTargets(rows)).toEqual([{ Key: "tag:Env", Values: ["prod", "stage"] }]);
  });

  it.each<[string, boolean]>([["30", true], ["29", false], ["1e3", false], ["", false], ["60.5", false]])("%s s as a delivery time-out: %s", (text, fits) => {
    expect(inRange(text, { min: 30, max: 2_592_000 })).toBe(fits);
  });
});

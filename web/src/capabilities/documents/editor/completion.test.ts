import { expect, test } from "vitest";
import { type Completion, complete } from "./completion";

/** The text's `¦` is the cursor. */
function at(format: string, marked: string, type = "Command"): Completion | undefined {
  const position = marked.indexOf("¦");
  return complete({ text: marked.replace("¦", ""), format, type }, position);
}

function labels(format: string, marked: string, type?: string): string[] {
  return at(format, marked, type)?.suggestions.map(({ label }) => label) ?? [];
}

/** The text after the suggestion of this name was taken. */
function taken(format: string, marked: string, label: string): string {
  const found = at(format, marked);
  const one = found?.suggestions.find((suggestion) => suggestion.label === label);
  if (!found || !one) throw new Error(`${label} is not proposed`);
  const text = marked.replace("¦", "");
  return text.slice(0, found.from) + one.insert + text.slice(found.to);
}

const HEAD = `schemaVersion: '2.2'
parameters:
  who:
    type: String
  often:
    type: Boolean
`;

const STEP = `${HEAD}mainSteps:
  - name: fetch
    action: aws:downloadContent
    inputs:
      sourceType: S3
  - name: greet
    action: aws:runShellScript
    inputs:
      runCommand:
        - echo
`;

test("YAML: members at the top are those of the schema that are not there yet", () => {
  expect(labels("YAML", "¦", "Command")).toEqual(["schemaVersion", "mainSteps", "description", "parameters", "assumeRole", "files", "outputs"]);
  expect(labels("YAML", `${HEAD}¦`)).toEqual(["mainSteps", "description", "assumeRole", "files", "outputs"]);
  expect(labels("YAML", "schemaVersion: '0.3'\nvar¦")).toEqual(["variables"]);
  expect(labels("YAML", "¦", "Session")).toContain("sessionType");
  expect(labels("YAML", "schemaVersion: '1.2'\nru¦")).toEqual(["runtimeConfig"]);
});

test("YAML: a version is quoted, for it is no number", () => {
  expect(taken("YAML", "schemaVersion: ¦", "2.2")).toBe("schemaVersion: '2.2'");
  expect(taken("YAML", "schemaVersion: '¦'", "2.2")).toBe("schemaVersion: '2.2'");
});

test("YAML: a parameter has members, types and a default of its type", () => {
  expect(labels("YAML", `${HEAD}    ¦\n`)).toContain("allowedValues");
  expect(labels("YAML", `${HEAD}    ¦\n`)).not.toContain("type");
  expect(labels("YAML", "parameters:\n  who:\n    type: St¦")).toEqual(["String", "StringList", "StringMap", "MapList"]);
  expect(labels("YAML", `${HEAD}    default: ¦`)).toEqual(["true", "false"]);
  expect(labels("YAML", "parameters:\n  ¦")).toEqual([]);
});

test("YAML: a step has members, an action and that action's inputs", () => {
  expect(labels("YAML", "mainSteps:\n  - ¦").slice(0, 2)).toEqual(["name", "action"]);
  expect(labels("YAML", "mainSteps:\n- name: a\n  ¦")).toContain("precondition");
  expect(labels("YAML", "mainSteps:\n- name: a\n  action: shell¦")).toEqual(["aws:runShellScript", "aws:runPowerShellScript"]);
  expect(labels("YAML", "schemaVersion: '0.3'\nmainSteps:\n  - action: sle¦")).toEqual(["aws:sleep"]);
  expect(labels("YAML", STEP.replace("      sourceType: S3", "      sourceType: S3\n      ¦"))).toEqual([
    "sourceInfo",
    "destinationPath",
    "onFailure",
    "onSuccess",
    "finallyStep",
  ]);
  expect(labels("YAML", STEP.replace("sourceType: S3", "onFailure: ¦"))).toEqual(["exit", "successAndExit"]);
  expect(labels("YAML", STEP.replace("      runCommand:", "      work¦\n      runCommand:"))).toEqual(["workingDirectory"]);
  expect(labels("YAML", STEP.replace("sourceType: S3", "sourceType: ¦"))).toContain("GitHub");
  expect(at("YAML", "mainSteps:\n  - ¦")?.suggestions[0]?.isRequired).toBe(true);
});

test("YAML: what opens a map or a list goes on with the next line", () => {
  expect(taken("YAML", "mainSteps:\n  - name: a\n    inp¦", "inputs")).toBe("mainSteps:\n  - name: a\n    inputs:\n      ");
  expect(taken("YAML", "main¦", "mainSteps")).toBe("mainSteps:\n  - ");
  expect(taken("YAML", "mainSteps:\n  - na¦", "name")).toBe("mainSteps:\n  - name: ");
});

test("YAML: a name that is changed keeps its colon and its value", () => {
  expect(taken("YAML", "mainSteps:\n  - na¦m: greet", "name")).toBe("mainSteps:\n  - name: greet");
});

test("YAML: the operator of a precondition and its two sides", () => {
  expect(labels("YAML", "mainSteps:\n  - name: a\n    precondition:\n      ¦")).toEqual(["StringEquals"]);
  expect(labels("YAML", "mainSteps:\n  - precondition:\n      StringEquals: [¦]")).toEqual(["platformType"]);
  expect(labels("YAML", "mainSteps:\n  - precondition:\n      StringEquals: [platformType, L¦]")).toEqual(["Linux"]);
  expect(labels("YAML", "mainSteps:\n  - precondition:\n      StringEquals:\n        - platformType\n        - ¦")).toContain("MacOS");
});

test("references are the document's own parameters, and in scripts nothing else is proposed", () => {
  expect(taken("YAML", STEP.replace("- echo", '- echo "{{ w¦"'), "who")).toContain('- echo "{{ who }}"');
  expect(taken("YAML", STEP.replace("- echo", "- echo {{¦}}"), "often")).toContain("- echo {{ often }}");
  expect(taken("YAML", `${STEP}      workingDirectory: {{¦`, "who")).toContain('workingDirectory: "{{ who }}"');
  const script = `${HEAD}mainSteps:\n  - name: a\n    action: aws:runShellScript\n    inputs:\n      runCommand:\n        - |\n          `;
  expect(labels("YAML", `${script}na¦`)).toEqual([]);
  expect(labels("YAML", `${script}echo {{ ¦`)).toEqual(["who", "often"]);
  expect(labels("YAML", `${script}name: x\n  - ¦`)).toContain("action");
});

test("nothing is proposed in comments, for a lone dash, in plain text, or for what stands there already", () => {
  expect(labels("YAML", "# sch¦")).toEqual([]);
  expect(labels("YAML", "mainSteps:\n  -¦")).toEqual([]);
  expect(labels("TEXT", "¦")).toEqual([]);
  expect(labels("YAML", "parameters:\n  who:\n    interpolationType: ENV_VAR¦")).toEqual([]);
});

test("JSON: members, values and what they replace", () => {
  expect(labels("JSON", '{"schemaVersion": "2.2", ¦}')).toEqual(["mainSteps", "description", "parameters", "assumeRole", "files", "outputs"]);
  expect(taken("JSON", '{"main¦', "mainSteps")).toBe('{"mainSteps": ');
  expect(taken("JSON", '{"main¦": []}', "mainSteps")).toBe('{"mainSteps": []}');
  expect(taken("JSON", '{"schemaVersion": "¦"}', "2.2")).toBe('{"schemaVersion": "2.2"}');
  expect(labels("JSON", '{"parameters": {"who": {"type": "StringL¦"}}}')).toEqual(["StringList"]);
  expect(labels("JSON", '{"parameters": {"who": {"type": ¦')).toContain("Integer");
  expect(taken("JSON", '{"parameters": {"a": {"type": "Boolean", "default": ¦}}}', "true")).toBe('{"parameters": {"a": {"type": "Boolean", "default": true}}}');
});

function step(inputs: string): string {
  return `{"parameters": {"who": {"type": "String"}},\n "mainSteps": [{"name": "a"}, {"inputs": {${inputs}},\n "action": "aws:runDocument"}]}`;
}

test("JSON: a step's inputs follow its action, wherever that stands", () => {
  expect(labels("JSON", step("¦"))).toEqual(["documentType", "documentPath", "documentParameters", "onFailure", "onSuccess", "finallyStep"]);
  expect(labels("JSON", step('"documentType": "¦"'))).toEqual(["SSMDocument", "LocalPath"]);
  expect(taken("JSON", step('"documentPath": "x-{{ ¦"'), "who")).toContain('"x-{{ who }}"');
  expect(labels("JSON", '{"mainSteps": [{"precondition": {"StringEquals": ["platformType", "¦"]}}]}')).toEqual(["Windows", "Linux", "MacOS"]);
  // A quote that is missing ends with its line.
  expect(labels("JSON", '{"mainSteps": [{"name": "a", "prec¦\n "action": "aws:runDocument"}]}')).toEqual(["precondition"]);
});

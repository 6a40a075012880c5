import vocabulary from "../vocabulary.json";
import { type Entry, isSamePath } from "./place";

/** Which words fit a place in a document: its languages as tables. What is right the hub decides; a test of its own holds the tables true. */

export type Schema = "0.3" | "1.0" | "1.2" | "2.2";

interface Inputs {
  required: readonly string[];
  optional: readonly string[];
}

export interface Words {
  all: readonly string[];
  required: readonly string[];
}

const NONE: Words = { all: [], required: [] };
const ACTIONS: Readonly<Record<string, Inputs>> = vocabulary.actions;
const FLAGS = ["true", "false"];

/** Values of members of a parameter and of a step that are one of a few. */
const PARAMETER_VALUES: Readonly<Record<string, readonly string[]>> = {
  type: vocabulary.parameterTypes,
  displayType: ["textfield", "textarea"],
  interpolationType: ["ENV_VAR"],
};
const STEP_VALUES: Readonly<Record<string, readonly string[]>> = {
  onFailure: ["exit", "successAndExit"],
  onSuccess: ["exit"],
  finallyStep: FLAGS,
  isEnd: FLAGS,
};
const FLOW_INPUTS = ["onFailure", "onSuccess", "finallyStep"];
const RUNBOOK_STEP_VALUES: Readonly<Record<string, readonly string[]>> = {
  onFailure: ["Abort", "Continue"],
  onCancel: ["Abort", "Continue"],
  isCritical: FLAGS,
  isEnd: FLAGS,
};
const INPUT_VALUES: Readonly<Record<string, readonly string[]>> = {
  "aws:applications action": ["Install", "Repair", "Uninstall"],
  "aws:configureDocker action": ["Install", "Uninstall"],
  "aws:configurePackage action": ["Install", "Uninstall"],
  "aws:configurePackage installationType": ["Uninstall and reinstall", "In-place update"],
  "aws:downloadContent sourceType": ["GitHub", "Git", "HTTP", "S3", "SSMDocument"],
  "aws:runDocument documentType": ["SSMDocument", "LocalPath"],
};
const FIRST_SCHEMAS: Readonly<Record<string, readonly string[]>> = { Command: ["2.2", "1.2"], Automation: ["0.3"], Session: ["1.0"] };

/** What the text says, else what documents of this type are written in. */
export function schemaOf(entries: readonly Entry[], type: string): Schema {
  const said = valueAt(entries, [], "schemaVersion");
  if (said === "0.3" || said === "1.0" || said === "1.2") return said;
  if (said?.startsWith("2.")) return "2.2";
  return type === "Automation" ? "0.3" : type === "Session" ? "1.0" : "2.2";
}

/** Members that a map at this place may have. */
export function membersAt(path: readonly string[], schema: Schema, entries: readonly Entry[]): Words {
  const [first, , third] = path;
  if (path.length === 0) return { all: vocabulary.members[schema], required: requiredAtTop(schema) };
  if (first === "parameters" && path.length === 2) return { all: vocabulary.parameterMembers, required: ["type"] };
  if (first === "runtimeConfig" && schema === "1.2") return membersOfPlugin(path);
  if (first !== "mainSteps" || (schema !== "2.2" && schema !== "0.3")) return NONE;
  if (path.length === 2) return { all: vocabulary.stepMembers[schema], required: ["name", "action"] };
  if (path.length !== 3) return NONE;
  if (third === "precondition" && schema === "2.2") return { all: ["StringEquals"], required: [] };
  return third === "inputs" ? stepInputs(actionOf(path, entries), schema) : NONE;
}

/** How a command goes on after a step may be said among its inputs as well. */
function stepInputs(action: string | undefined, schema: Schema): Words {
  const inputs = inputsOf(action);
  return schema === "2.2" && inputs !== NONE ? { ...inputs, all: [...inputs.all, ...FLOW_INPUTS] } : inputs;
}

function requiredAtTop(schema: Schema): readonly string[] {
  if (schema === "1.0") return ["schemaVersion", "sessionType"];
  return ["schemaVersion", schema === "1.2" ? "runtimeConfig" : "mainSteps"];
}

/** `runtimeConfig` → action → `properties` → inputs, these perhaps in a list. */
function membersOfPlugin(path: readonly string[]): Words {
  const [, action, third] = path;
  if (action === undefined) return { all: Object.keys(ACTIONS), required: [] };
  if (path.length === 2) return { all: vocabulary.pluginMembers, required: ["properties"] };
  return third === "properties" && path.length <= 4 ? inputsOf(action) : NONE;
}

function inputsOf(action: string | undefined): Words {
  const known = action === undefined ? undefined : ACTIONS[action];
  return known ? { all: [...known.required, ...known.optional], required: known.required } : NONE;
}

function actionOf(path: readonly string[], entries: readonly Entry[]): string | undefined {
  return valueAt(entries, path.slice(0, 2), "action");
}

/** Values that may stand at this place. */
export function valuesAt(path: readonly string[], schema: Schema, entries: readonly Entry[], type: string): readonly string[] {
  const [first, second = "", member = "", fourth = ""] = path;
  if (path.length === 1) return topValues(first ?? "", type);
  if (first === "parameters" && path.length === 3) return parameterValues(second, member, entries);
  if (first !== "mainSteps") return [];
  if (path.length === 3) return stepValues(member, schema, entries);
  if (member === "inputs" && path.length === 4) return inputValues(fourth, actionOf(path, entries), schema);
  if (member !== "precondition" || fourth !== "StringEquals") return [];
  return path[4] === "0" ? ["platformType"] : vocabulary.platforms;
}

function inputValues(input: string, action: string | undefined, schema: Schema): readonly string[] {
  const isFlow = schema === "2.2" && FLOW_INPUTS.includes(input);
  return (isFlow ? STEP_VALUES[input] : INPUT_VALUES[`${action} ${input}`]) ?? [];
}

function topValues(member: string, type: string): readonly string[] {
  if (member === "schemaVersion") return FIRST_SCHEMAS[type] ?? [];
  return member === "sessionType" ? vocabulary.sessionTypes : [];
}

function parameterValues(name: string, member: string, entries: readonly Entry[]): readonly string[] {
  const isFlag = member === "default" && valueAt(entries, ["parameters", name], "type") === "Boolean";
  return isFlag ? FLAGS : (PARAMETER_VALUES[member] ?? []);
}

function stepValues(member: string, schema: Schema, entries: readonly Entry[]): readonly string[] {
  if (member === "action") return schema === "0.3" ? vocabulary.runbookActions : Object.keys(ACTIONS);
  if (schema !== "0.3") return STEP_VALUES[member] ?? [];
  return member === "nextStep" ? stepNames(entries) : (RUNBOOK_STEP_VALUES[member] ?? []);
}

function stepNames(entries: readonly Entry[]): string[] {
  return entries.filter(({ path, key }) => path[0] === "mainSteps" && path.length === 2 && key === "name").map(({ value }) => value);
}

function valueAt(entries: readonly Entry[], path: readonly string[], key: string): string | undefined {
  return entries.find((entry) => entry.key === key && isSamePath(entry.path, path))?.value;
}

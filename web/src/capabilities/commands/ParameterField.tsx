import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import Select from "@cloudscape-design/components/select";
import Textarea from "@cloudscape-design/components/textarea";
import { type ParameterProblem, type ParameterSpec, problemOf } from "@/components/documentParameters";
import { useCommonTexts } from "@/components/texts";
import { useCommandTexts } from "./texts";
import "./commands.css";

interface Props {
  spec: ParameterSpec;
  value: string;
  showErrors: boolean;
  onChange: (value: string) => void;
}

const PROBLEMS = { missing: "parameterMissing", number: "parameterNumber", object: "parameterObject", list: "parameterList" } as const;
const FORMS = { StringList: "parameterLines", StringMap: "parameterObject", MapList: "parameterList" } as const;

/** One parameter of a document, in the form that its declaration asks for. */
export function ParameterField({ spec, value, showErrors, onChange }: Props) {
  const t = useCommandTexts();
  const problem = problemOf(spec, value);
  // What is still empty is no error before somebody wants to go on.
  const isShown = problem !== undefined && (showErrors || problem !== "missing");
  const notes = [
    spec.type in FORMS && spec.allowed.length === 0 ? t(FORMS[spec.type as keyof typeof FORMS]) : undefined,
    spec.pattern === undefined ? undefined : t("parameterPattern", { pattern: spec.pattern }),
    spec.start === undefined ? t("parameterRequired") : undefined,
  ].filter((note) => note !== undefined);
  return (
    <FormField
      label={spec.name}
      description={spec.description}
      constraintText={notes.join(" · ")}
      errorText={isShown ? t(PROBLEMS[problem as ParameterProblem]) : undefined}
      stretch
    >
      <Control spec={spec} value={value} onChange={onChange} />
    </FormField>
  );
}

function Control({ spec, value, onChange }: Omit<Props, "showErrors">) {
  if (spec.allowed.length > 0 && spec.type === "StringList") return <Several spec={spec} value={value} onChange={onChange} />;
  const allowed = spec.type === "Boolean" ? ["true", "false"] : spec.allowed;
  if (allowed.length > 0) {
    const options = allowed.map((one) => ({ value: one, label: one }));
    return (
      <div className="narrow-control">
        <Select
          options={options}
          selectedOption={options.find((option) => option.value === value) ?? null}
          expandToViewport
          onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
        />
      </div>
    );
  }
  if (spec.isLong || spec.type in FORMS) {
    return (
      <div className="script-editor">
        <Textarea
          value={value}
          rows={Math.min(Math.max(value.split("\n").length + 1, 3), 20)}
          spellcheck={false}
          autoComplete={false}
          disableBrowserAutocorrect
          onChange={({ detail }) => onChange(detail.value)}
        />
      </div>
    );
  }
  return <Input value={value} inputMode={spec.type === "Integer" ? "numeric" : "text"} spellcheck={false} autoComplete={false} onChange={({ detail }) => onChange(detail.value)} />;
}

/** Some of the values that the document allows, in the document's order. */
function Several({ spec, value, onChange }: Omit<Props, "showErrors">) {
  const common = useCommonTexts();
  const options = spec.allowed.map((one) => ({ value: one, label: one }));
  const chosen = new Set(value.split("\n"));
  return (
    <Multiselect
      options={options}
      selectedOptions={options.filter((option) => chosen.has(option.value))}
      deselectAriaLabel={({ label }) => `${common("tagRemove")}: ${label}`}
      expandToViewport
      onChange={({ detail }) => {
        const wanted = new Set(detail.selectedOptions.map((option) => option.value));
        onChange(spec.allowed.filter((one) => wanted.has(one)).join("\n"));
      }}
    />
  );
}

import FormField from "@cloudscape-design/components/form-field";
import Textarea from "@cloudscape-design/components/textarea";
import { useCommandTexts } from "./texts";
import "./commands.css";

const PLACEHOLDER = "uptime\ndf -h /";

interface Props {
  script: string;
  showErrors: boolean;
  onChange: (script: string) => void;
}

export function ScriptField({ script, showErrors, onChange }: Props) {
  const t = useCommandTexts();
  return (
    <FormField label={t("script")} constraintText={t("scriptHelp")} errorText={showErrors && script.trim() === "" ? t("scriptNeeded") : undefined} stretch>
      <div className="script-editor">
        <Textarea
          value={script}
          rows={Math.min(Math.max(script.split("\n").length + 2, 10), 28)}
          placeholder={PLACEHOLDER}
          spellcheck={false}
          autoComplete={false}
          autoFocus
          disableBrowserAutocorrect
          onChange={({ detail }) => onChange(detail.value)}
        />
      </div>
    </FormField>
  );
}

import Autosuggest from "@cloudscape-design/components/autosuggest";
import FormField from "@cloudscape-design/components/form-field";
import { useRightsTexts } from "./texts";

interface Props {
  action: string;
  onChange: (action: string) => void;
}

/** What is asked about most; any other can be typed. */
const OFTEN = [
  "ssm:SendCommand",
  "ssm:StartSession",
  "ssm:TerminateSession",
  "ssm:CancelCommand",
  "ssm:GetParameter",
  "ssm:PutParameter",
  "ssm:CreateDocument",
  "ssm:AddTagsToResource",
  "ssm:CreateActivation",
  "ssm:DeregisterManagedInstance",
  "roadstead:CreateUser",
  "roadstead:UpdateUser",
  "roadstead:PutPolicy",
  "roadstead:AttachPolicy",
] as const;

/** One action. */
export function ActionField({ action, onChange }: Props) {
  const t = useRightsTexts();
  return (
    <FormField label={t("action")}>
      <Autosuggest
        value={action}
        placeholder="ssm:SendCommand"
        options={OFTEN.map((value) => ({ value }))}
        enteredTextLabel={(text) => text}
        expandToViewport
        onChange={({ detail }) => onChange(detail.value)}
      />
    </FormField>
  );
}

import Autosuggest from "@cloudscape-design/components/autosuggest";
import FormField from "@cloudscape-design/components/form-field";
import { ACTIONS } from "@/api/words.gen";
import { useRightsTexts } from "./texts";

interface Props {
  action: string;
  onChange: (action: string) => void;
}

type Action = (typeof ACTIONS)[number];

/** What is asked about most stands first. */
const OFTEN: readonly Action[] = [
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
];
const OPTIONS = [...new Set([...OFTEN, ...ACTIONS])].map((value) => ({ value }));

/** One action. */
export function ActionField({ action, onChange }: Props) {
  const t = useRightsTexts();
  return (
    <FormField label={t("action")}>
      <Autosuggest
        value={action}
        placeholder="ssm:SendCommand"
        options={OPTIONS}
        enteredTextLabel={(text) => text}
        expandToViewport
        onChange={({ detail }) => onChange(detail.value)}
      />
    </FormField>
  );
}

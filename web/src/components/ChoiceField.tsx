import FormField from "@cloudscape-design/components/form-field";
import SegmentedControl, { type SegmentedControlProps } from "@cloudscape-design/components/segmented-control";
import { useId } from "react";

interface Props extends Pick<SegmentedControlProps, "selectedId" | "options" | "onChange"> {
  label: string;
  description?: string;
}

/** One of a few, in a form. Where there is no room for a row of buttons the library makes it a list, and puts a label of its own above that. */
export function ChoiceField({ label, description, ...control }: Props) {
  const id = useId();
  return (
    <FormField label={<span id={id}>{label}</span>} description={description}>
      <SegmentedControl ariaLabelledby={id} {...control} />
    </FormField>
  );
}

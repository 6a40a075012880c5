import Button, { type ButtonProps } from "@cloudscape-design/components/button";

type Props = Omit<ButtonProps, "disabled" | "disabledReason"> & {
  /** Why it cannot be pressed; nothing when it can. */
  refusal: string | undefined;
};

/** A button that says why it cannot be pressed. */
export function MayButton({ refusal, ...rest }: Props) {
  return <Button {...rest} disabled={refusal !== undefined} disabledReason={refusal} />;
}

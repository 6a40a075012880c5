import Input, { type InputProps } from "@cloudscape-design/components/input";
import { useEffect, useRef } from "react";

/** The field a dialog is about. A modal puts the focus on its close button, so the field takes it a moment later. */
export function FocusedInput(props: InputProps) {
  const field = useRef<InputProps.Ref>(null);
  useEffect(() => {
    const timer = setTimeout(() => field.current?.focus(), 50);
    return () => clearTimeout(timer);
  }, []);
  return <Input {...props} ref={field} />;
}

import Button, { type ButtonProps } from "@cloudscape-design/components/button";
import { useNavigate } from "react-router";

type Props = Omit<ButtonProps, "href" | "onFollow" | "onClick"> & { to: string };

/** A button that leads to another page of the console. */
export function RouteButton({ to, ...rest }: Props) {
  const navigate = useNavigate();
  return (
    <Button
      {...rest}
      href={to}
      onFollow={(event) => {
        event.preventDefault();
        void navigate(to);
      }}
    />
  );
}

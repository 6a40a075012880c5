import Link, { type LinkProps } from "@cloudscape-design/components/link";
import { useNavigate } from "react-router";

type Props = Omit<LinkProps, "href" | "onFollow" | "external"> & { to: string };

/** A link inside the console: navigates without a reload, but stays a real link for the middle button. */
export function RouteLink({ to, ...rest }: Props) {
  const navigate = useNavigate();
  return (
    <Link
      {...rest}
      href={to}
      onFollow={(event) => {
        event.preventDefault();
        void navigate(to);
      }}
    />
  );
}

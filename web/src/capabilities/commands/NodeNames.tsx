import { RouteLink } from "@/components/RouteLink";
import { useNodeNames } from "@/components/useNodeNames";

interface Props {
  ids: readonly string[];
  /** How many are named; the others are counted. */
  most?: number;
}

/** Nodes by name, each leading to its page. */
export function NodeNames({ ids, most = 50 }: Props) {
  const shown = ids.slice(0, most);
  const nameOf = useNodeNames(shown);
  return (
    <>
      {shown.map((id, index) => (
        <span key={id}>
          {index > 0 && ", "}
          <RouteLink to={`/nodes/${id}`}>{nameOf(id)}</RouteLink>
        </span>
      ))}
      {ids.length > shown.length && ` +${ids.length - shown.length}`}
    </>
  );
}

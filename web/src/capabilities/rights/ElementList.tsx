import type { Result } from "@/platform/types";

type Elements = Result<"Roadstead.ImportPolicy">["Unsupported"];

/** Elements of a policy, each with its place and what the hub says about it. */
export function ElementList({ elements }: { elements: Elements }) {
  return (
    <ul className="plain-list">
      {elements.map(({ Place, Problem }) => (
        <li key={Place + Problem}>
          <code>{Place}</code>: {Problem}
        </li>
      ))}
    </ul>
  );
}

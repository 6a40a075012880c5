import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { Tag } from "@/platform/types";

interface Props {
  tags: readonly Tag[];
  /** How many are shown; the others are counted. */
  limit?: number;
  empty?: string;
}

export function TagList({ tags, limit = 50, empty = "–" }: Props) {
  if (tags.length === 0) return <Box color="text-body-secondary">{empty}</Box>;
  const rest = tags.slice(limit);
  return (
    <SpaceBetween direction="horizontal" size="xxs">
      {tags.slice(0, limit).map((tag) => (
        <Badge key={tag.Key}>
          <span className="tag-text">{tagText(tag)}</span>
        </Badge>
      ))}
      {rest.length > 0 && (
        <span title={rest.map(tagText).join("\n")}>
          <Badge>+{rest.length}</Badge>
        </span>
      )}
    </SpaceBetween>
  );
}

export function tagText({ Key, Value }: Tag): string {
  return Value === "" ? Key : `${Key}=${Value}`;
}

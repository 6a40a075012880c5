import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import { parameterAt } from "@/platform/links";
import type { Parameter } from "./api";
import type { Translator } from "./texts";
import { parametersBelow, pathsTo } from "./tokens";
import "./parameters.css";

export function parameterColumns(t: Translator): Column<Parameter>[] {
  return [
    { id: "name", header: t("name"), width: 340, isRowHeader: true, cell: (one) => <ParameterName name={one.Name} t={t} /> },
    { id: "type", header: t("type"), width: 125, cell: (one) => typeText(one.Type, t) },
    { id: "version", header: t("version"), width: 120, cell: (one) => one.Version },
    { id: "changed", header: t("changed"), width: 150, cell: (one) => <TimeAgo at={one.LastModifiedDate} /> },
    { id: "by", header: t("changedBy"), width: 140, cell: (one) => userName(one.LastModifiedUser) },
    { id: "tier", header: t("tier"), width: 110, isExtra: true, cell: (one) => one.Tier },
    { id: "description", header: t("description"), width: 260, cell: (one) => one.Description || "–" },
  ];
}

/** The name leads to the parameter, each level above it to what lies below that level. */
function ParameterName({ name, t }: { name: string; t: Translator }) {
  const own = name.split("/").pop() ?? name;
  return (
    <div className="parameter-name">
      {pathsTo(name).map((path) => (
        <RouteLink key={path} to={parametersBelow(path)} variant="secondary" ariaLabel={t("pathBelow", { path })}>
          /{path.split("/").pop()}
        </RouteLink>
      ))}
      <RouteLink to={parameterAt(name)} ariaLabel={name}>
        {name.startsWith("/") ? `/${own}` : own}
      </RouteLink>
    </div>
  );
}

export function typeText(type: string, t: Translator): string {
  switch (type) {
    case "SecureString":
      return t("typeSecureString");
    case "StringList":
      return t("typeStringList");
    default:
      return t("typeString");
  }
}

/** The name at the end of a user's ARN. */
export function userName(arn: string): string {
  return arn.split("user/").pop() ?? arn;
}

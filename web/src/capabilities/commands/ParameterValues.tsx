import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { DEFAULT_VERSION } from "@/components/documents";
import { RouteLink } from "@/components/RouteLink";
import { documentAt } from "@/platform/links";
import { useCommandTexts } from "./texts";

interface Props {
  document: string;
  version: string;
  values: Readonly<Record<string, readonly string[]>>;
}

/** A document and what it was given. */
export function ParameterValues({ document, version, values }: Props) {
  const t = useCommandTexts();
  const isNumber = /^\d+$/.test(version);
  const given = Object.entries(values);
  return (
    <SpaceBetween size="m">
      <div>
        <RouteLink to={documentAt(document, isNumber ? version : undefined)}>{document}</RouteLink>{" "}
        <Box variant="span" color="text-body-secondary">
          {version === DEFAULT_VERSION ? t("versionDefault") : t("versionNumber", { version })}
        </Box>
      </div>
      {given.length === 0 && <Box color="text-body-secondary">{t("parametersDefault")}</Box>}
      {given.map(([name, texts]) => (
        <div key={name}>
          <Box variant="awsui-key-label">{name}</Box>
          {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
          <pre className="code-block script-text" role="region" aria-label={name} tabIndex={0}>
            {texts.join("\n")}
          </pre>
        </div>
      ))}
    </SpaceBetween>
  );
}

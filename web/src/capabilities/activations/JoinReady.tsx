import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { CopyLine } from "@/components/CopyLine";
import { useLocale } from "@/platform/i18n/locale";
import { formatTime } from "@/platform/time";
import type { JoinLine } from "@/platform/types";
import { JoinWatch } from "./JoinWatch";
import { useActivationTexts } from "./texts";

const BINARY_PATH = "/binaries/x86_64/roadstead";

interface Props {
  line: JoinLine;
  count: number;
  onAnother: () => void;
}

export function JoinReady({ line, count, onAnother }: Props) {
  const t = useActivationTexts();
  const locale = useLocale();
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header variant="h2" actions={<Button onClick={onAnother}>{t("another")}</Button>}>
            {t("lineTitle")}
          </Header>
        }
      >
        <SpaceBetween size="m">
          <Tabs
            tabs={[
              {
                id: "line",
                label: t("lineTab"),
                content: (
                  <SpaceBetween size="s">
                    <CopyLine text={line.Line} label={t("lineLabel")} />
                    <Box color="text-body-secondary">{t("lineHelp")}</Box>
                  </SpaceBetween>
                ),
              },
              {
                id: "offline",
                label: t("offlineTab"),
                content: (
                  <SpaceBetween size="s">
                    <CopyLine text={line.OfflineLine} label={t("offlineLabel")} />
                    <Box color="text-body-secondary">{t("offlineHelp", { path: BINARY_PATH })}</Box>
                  </SpaceBetween>
                ),
              },
            ]}
          />
          <Box variant="small" color="text-body-secondary">
            {t("expires", { time: formatTime(line.ExpiresAt, locale), count })} {t("addresses", { addresses: line.Addresses.join(", ") })}
          </Box>
        </SpaceBetween>
      </Container>
      <JoinWatch key={line.ActivationId} line={line} count={count} />
    </SpaceBetween>
  );
}

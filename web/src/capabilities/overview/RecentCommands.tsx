import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { CommandStatus } from "@/components/CommandStatus";
import { commandTitle } from "@/components/commandTitle";
import { EmptyState } from "@/components/EmptyState";
import { RouteButton } from "@/components/RouteButton";
import { RouteLink } from "@/components/RouteLink";
import { useCommonTexts } from "@/components/texts";
import { TimeAgo } from "@/components/TimeAgo";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import type { Command } from "@/platform/types";
import { useOverviewTexts } from "./texts";

export function RecentCommands({ commands }: { commands: readonly Command[] }) {
  const t = useOverviewTexts();
  const common = useCommonTexts();
  const locale = useLocale();
  return (
    <Container fitHeight header={<Header variant="h2" actions={<RouteButton to="/commands">{t("all")}</RouteButton>}>{t("recent")}</Header>}>
      {commands.length === 0 ? (
        <EmptyState title={t("noCommands")} action={<RouteButton to="/commands/new">{t("runCommand")}</RouteButton>}>
          {t("noCommandsHelp")}
        </EmptyState>
      ) : (
        <ul className="recent" data-rows>
          {commands.map((command) => (
            <li key={command.CommandId}>
              <span className="recent-title">
                <RouteLink to={`/commands/${command.CommandId}`}>{commandTitle(command, common("commandUntitled"))}</RouteLink>
              </span>
              <CommandStatus command={command} />
              <span className="recent-count">{common("commandDone", { done: formatNumber(command.CompletedCount, locale), total: formatNumber(command.TargetCount, locale) })}</span>
              <span className="recent-time">
                <TimeAgo at={command.RequestedDateTime} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Container>
  );
}

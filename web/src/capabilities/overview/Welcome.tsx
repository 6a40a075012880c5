import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { RouteButton } from "@/components/RouteButton";
import { call } from "@/platform/api";
import { where } from "@/platform/filter";
import { shellOn } from "@/platform/links";
import { useOverviewTexts } from "./texts";

/** Three cards instead of a tour, until they are hidden. */
export function Welcome({ onDismiss }: { onDismiss: () => void }) {
  const t = useOverviewTexts();
  const online = useQuery({
    queryKey: ["nodes", "first-online"],
    queryFn: ({ signal }) => call("Roadstead.SearchNodes", { Filter: where("status", "eq", "online"), MaxResults: 1 }, signal),
  });
  const node = online.data?.Nodes[0];
  const cards = [
    { title: t("joinTitle"), text: t("joinText"), action: t("joinAction"), to: "/join" },
    { title: t("runTitle"), text: t("runText"), action: t("runAction"), to: "/commands/new" },
    {
      title: t("shellTitle"),
      text: t("shellText"),
      action: node ? t("shellNow", { name: node.Name }) : t("shellAction"),
      to: node ? shellOn(node.NodeId) : "/nodes",
    },
  ];
  return (
    <Container
      header={
        <Header variant="h2" description={t("welcomeHelp")} actions={<Button onClick={onDismiss}>{t("dismiss")}</Button>}>
          {t("welcome")}
        </Header>
      }
    >
      <div className="welcome-cards">
        {cards.map((card, index) => (
          <div className="welcome-card" key={card.to + card.title}>
            <SpaceBetween size="xs">
              <Box variant="h3">
                <span className="welcome-number" aria-hidden="true">
                  {index + 1}
                </span>
                {card.title}
              </Box>
              <Box variant="p" color="text-body-secondary">
                {card.text}
              </Box>
            </SpaceBetween>
            <RouteButton to={card.to}>{card.action}</RouteButton>
          </div>
        ))}
      </div>
    </Container>
  );
}

import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import type { ReactNode } from "react";
import type { AuditDelivery, Ship } from "@/platform/types";
import { Delivery } from "./Delivery";
import { useAuditTexts } from "./texts";

interface Props {
  title: string;
  help: string;
  on: boolean;
  onToggle: (on: boolean) => void;
  ship: Ship;
  onShip: (ship: Ship) => void;
  delivery: AuditDelivery | undefined;
  children: ReactNode;
}

/** What all receivers have in common: a switch, what is shipped, and how it goes. */
export function SinkForm({ title, help, on, onToggle, ship, onShip, delivery, children }: Props) {
  const t = useAuditTexts();
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={help}
          actions={
            <Toggle checked={on} onChange={({ detail }) => onToggle(detail.checked)} ariaLabel={`${title}: ${t("switchOn")}`}>
              {t("switchOn")}
            </Toggle>
          }
        >
          {title}
        </Header>
      }
    >
      {on && (
        <SpaceBetween size="m">
          {children}
          <FormField label={t("what")}>
            <RadioGroup
              value={ship}
              onChange={({ detail }) => onShip(detail.value === "rows" ? "rows" : "heads")}
              items={[
                { value: "heads", label: t("shipHeads") },
                { value: "rows", label: t("shipRows") },
              ]}
            />
          </FormField>
          {delivery && <Delivery delivery={delivery} />}
        </SpaceBetween>
      )}
    </Container>
  );
}
